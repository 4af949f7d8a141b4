-- Who signed in to which service, for the agent's own page. The service's name stays as the agent knew it: it outlives the
-- client. Kept as long as the configuration says.
create table sign_in_history (
    -- That of the authorization.
    id text not null primary key,
    agent_id text not null references agents (id) on delete cascade,
    client_id text not null,
    client_name text not null,
    way text not null,
    at bigint not null,
    expires_at bigint not null
);
create index sign_in_history_agent on sign_in_history (agent_id, at, id);
create index sign_in_history_expiry on sign_in_history (expires_at);

-- Flows of our own pages have no client in the database, so the table is made anew without that reference: a flow of a client
-- that is gone meanwhile is noticed at its next step, and expires. Renamed first, as in 0002.
alter table flows rename to flows_1;
create table flows (
    id text not null primary key,
    browser text,
    client_id text not null,
    params text not null,
    progress text not null,
    attempt text unique,
    network text not null,
    created_at bigint not null,
    expires_at bigint not null,
    version bigint not null
);
insert into flows (id, browser, client_id, params, progress, attempt, network, created_at, expires_at, version)
    select id, browser, client_id, params, progress, attempt, network, created_at, expires_at, version from flows_1;
drop table flows_1;
create index flows_network on flows (network, expires_at);
create index flows_expiry on flows (expires_at);
