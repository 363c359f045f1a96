//! Limitador's library in memory behind Envoy's rate-limit protocol: one limit for each of the names `p0`, `p1`..,
//! counted by the entry's value. Arguments: the port, policies, the limit of each an hour, counters held.

use std::collections::HashMap;
use std::env::args;

use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::Code;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::{
    RateLimitService, RateLimitServiceServer,
};
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use limitador::limit::{Context, Limit, Namespace};
use limitador::RateLimiter;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

const DOMAIN: &str = "edge";

struct Service {
    limiter: RateLimiter,
}

#[tonic::async_trait]
impl RateLimitService for Service {
    async fn should_rate_limit(
        &self,
        request: Request<RateLimitRequest>,
    ) -> Result<Response<RateLimitResponse>, Status> {
        let request = request.into_inner();
        let descriptors = request
            .descriptors
            .into_iter()
            .map(|each| each.entries.into_iter().map(|entry| (entry.key, entry.value)).collect())
            .collect::<Vec<HashMap<String, String>>>();
        let mut context = Context::default();
        context.list_binding("descriptors".to_string(), descriptors);
        let hits = u64::from(request.hits_addend.max(1));
        let checked = self
            .limiter
            .check_rate_limited_and_update(&Namespace::from(request.domain), &context, hits)
            .map_err(|error| Status::unavailable(error.to_string()))?;
        let code = if checked.limited { Code::OverLimit } else { Code::Ok };
        Ok(Response::new(RateLimitResponse { overall_code: code.into(), ..Default::default() }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers = args().skip(1).map(|each| each.parse()).collect::<Result<Vec<u64>, _>>()?;
    let [port, policies, limit, counters] = numbers[..] else {
        return Err("a port, policies, a limit, counters".into());
    };
    let limiter = RateLimiter::new(counters);
    for index in 0..policies {
        let key = format!("descriptors[{index}].p{index}").as_str().try_into()?;
        limiter.add_limit(Limit::new(DOMAIN, limit, 3_600, vec![], vec![key]));
    }
    Server::builder()
        .add_service(RateLimitServiceServer::new(Service { limiter }))
        .serve(format!("127.0.0.1:{port}").parse()?)
        .await?;
    Ok(())
}
