-- A spec keeps the order in which it was written, which matters to people where it is free (an OpenAPI document).
drop view gateways, clusters, routes, rate_limit_policies, outlier_detection_policies, auth_policies, consumers, plans, request_policies, certificates;
alter table objects alter column spec type json using spec::json;

-- For people and reports it stays jsonb, which has more operators.
create view gateways as
  select name, owner, labels, spec::jsonb as spec, from_revision as revision from objects where kind = 'Gateway' and to_revision is null;
create view clusters as
  select name, owner, labels, spec::jsonb as spec, from_revision as revision from objects where kind = 'Cluster' and to_revision is null;
create view routes as
  select name, owner, labels, spec::jsonb as spec, from_revision as revision from objects where kind = 'Route' and to_revision is null;
create view rate_limit_policies as
  select name, owner, labels, spec::jsonb as spec, from_revision as revision from objects where kind = 'RateLimitPolicy' and to_revision is null;
create view outlier_detection_policies as
  select name, owner, labels, spec::jsonb as spec, from_revision as revision from objects where kind = 'OutlierDetectionPolicy' and to_revision is null;
create view auth_policies as
  select name, owner, labels, spec::jsonb as spec, from_revision as revision from objects where kind = 'AuthPolicy' and to_revision is null;
create view consumers as
  select name, owner, labels, spec::jsonb as spec, from_revision as revision from objects where kind = 'Consumer' and to_revision is null;
create view plans as
  select name, owner, labels, spec::jsonb as spec, from_revision as revision from objects where kind = 'Plan' and to_revision is null;
create view request_policies as
  select name, owner, labels, spec::jsonb as spec, from_revision as revision from objects where kind = 'RequestPolicy' and to_revision is null;
create view certificates as
  select name, owner, labels, spec::jsonb as spec, from_revision as revision from objects where kind = 'Certificate' and to_revision is null;
