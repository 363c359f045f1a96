-- An answer is made anew from what its write did, so that it is as small as that and tells how far the fleet is by now.
alter table idempotency_keys drop column answer;
-- Null where the list is longer than a key keeps; the history has it.
alter table idempotency_keys alter column changes drop not null;
-- Whether the write made its revision, or found that everything was so already.
alter table idempotency_keys add column effective boolean;
update idempotency_keys set effective = exists (
  select from json_array_elements(changes) as change where change ->> 'action' <> 'unchanged');
alter table idempotency_keys alter column effective set not null;
