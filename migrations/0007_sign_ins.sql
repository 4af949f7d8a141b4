-- When an agent last got a code for a service: one row for both, kept for 30 days. It answers whom a new admission rule would
-- shut out; it is no history.
create table sign_ins (
    client_id text not null references clients (id) on delete cascade,
    agent_id text not null references agents (id) on delete cascade,
    signed_in_at bigint not null,
    primary key (client_id, agent_id)
);
create index sign_ins_age on sign_ins (signed_in_at);
create index sign_ins_agent on sign_ins (agent_id);
