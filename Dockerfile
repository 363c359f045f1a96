# The image of weir: `weir serve`, or another command in its place. How it is run is in docs/compose.md.
# Its Node is the one that package.json pins; the steps of the first stage are those that CI runs. Tests hold both.
FROM node:26.10.0-trixie-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY proto proto
COPY src src
RUN npm run --silent build

# Without the tools that build weir, and without the PostgreSQL that `weir up` would run.
FROM node:26.10.0-trixie-slim AS modules
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund --loglevel=error --omit=dev --omit=optional

FROM node:26.10.0-trixie-slim
ENV NODE_ENV=production
ENV WEIR_DATA_DIR=/var/lib/weir
# A new volume gets the owner of the folder that it is mounted on.
RUN install -d -m 0700 -o 65532 -g 65532 /var/lib/weir
WORKDIR /weir
COPY --from=modules /src/node_modules node_modules
COPY package.json ./
COPY migrations migrations
COPY bin/weir bin/setup.mjs bin/spawn.mjs bin/healthcheck.mjs bin/
COPY --from=build /src/dist dist
USER 65532:65532
VOLUME /var/lib/weir
EXPOSE 8080 18000 18001
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["node", "bin/healthcheck.mjs"]
ENTRYPOINT ["node", "bin/weir"]
CMD ["serve"]
