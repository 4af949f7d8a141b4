-- Accesses to the API. Each is a client of its own, for its name, scopes, secret and tokens, of the stage 'api': by that it stays
-- out of the console's lists and pages of clients. role is empty for a partner's; administration but for a manager's.
create table api_accesses (
    client_id text not null primary key references clients (id) on delete cascade,
    -- Who made it, and in whose name it acts.
    agent_id text not null references agents (id) on delete cascade,
    role text not null,
    administration text not null,
    created_at bigint not null,
    expires_at bigint,
    last_used_at bigint
);
create index api_accesses_agent on api_accesses (agent_id);
create index api_accesses_created on api_accesses (created_at, client_id);
