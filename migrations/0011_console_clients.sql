-- The console's side of clients. The document stays the truth; name_key (for lists and search), stage and administration are
-- copies of what it says, so that a list needs no document. version is raised at every write: of two editors the later one
-- learns that there was another. The former release leaves the copies as they are; `migrate` fills in empty names.
alter table clients add column name_key text not null default '';
alter table clients add column stage text not null default 'production';
alter table clients add column administration text;
alter table clients add column version bigint not null default 0;
-- A deleted client is gone for everybody; its row stays until the last logout token was delivered, a day at most.
alter table clients add column deleted_at bigint;
create index clients_name on clients (name_key, id);
create index clients_stage on clients (stage, name_key, id);
create index clients_deleted on clients (deleted_at) where deleted_at is not null;
create index clients_administration on clients (administration, name_key, id);

-- Who looks after a client: the partners.
create table client_owners (
    client_id text not null references clients (id) on delete cascade,
    agent_id text not null references agents (id) on delete cascade,
    since bigint not null,
    primary key (client_id, agent_id)
);
create index client_owners_agent on client_owners (agent_id, client_id);

-- Invitations to look after a client too, by Matrix id: whoever has that account may take it up, once, for a day.
create table client_invitations (
    client_id text not null references clients (id) on delete cascade,
    matrix_id text not null,
    invited_by text not null,
    expires_at bigint not null,
    primary key (client_id, matrix_id)
);
create index client_invitations_invited on client_invitations (matrix_id, expires_at);
create index client_invitations_expiry on client_invitations (expires_at);

-- What a partner asks an operator for: production, or a change of what is in production. One at a time for each client.
-- document is the client as wanted; base_version what it was asked on. An answered one stays until the next, to be read.
create table client_requests (
    client_id text not null primary key references clients (id) on delete cascade,
    document text not null,
    reasons text not null,
    base_version bigint not null,
    requested_by text not null,
    requested_at bigint not null,
    answer text,
    answered_at bigint
);
create index client_requests_open on client_requests (requested_at, client_id) where answered_at is null;

-- What a client was at each change, and by whom. before is null for the first, after for the last.
create table client_revisions (
    id text not null primary key,
    client_id text not null references clients (id) on delete cascade,
    author text not null,
    at bigint not null,
    before text,
    after text not null
);
create index client_revisions_client on client_revisions (client_id, at, id);

-- What of a scope is asked for and why, as the partner said it; for operators only.
create table client_purposes (
    client_id text not null primary key references clients (id) on delete cascade,
    stack text not null,
    purpose text not null,
    scopes text not null
);

-- How a client fares: errors by code and day, and when each redirect URI was last given a code. Counters, no agents.
create table client_errors (
    client_id text not null references clients (id) on delete cascade,
    day bigint not null,
    code text not null,
    count bigint not null,
    primary key (client_id, day, code)
);
create index client_errors_age on client_errors (day);
create table client_redirects (
    client_id text not null references clients (id) on delete cascade,
    redirect_uri text not null,
    used_at bigint not null,
    primary key (client_id, redirect_uri)
);
