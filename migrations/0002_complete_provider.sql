-- Authorizations without an agent (client_credentials) and bound to a browser session or not: SQLite cannot lift a NOT NULL,
-- so the three tables are made anew with what they hold. The former release goes on with the new ones. Renamed first: that
-- keeps everybody else out until this is done, and nothing that they write is lost.
alter table access_tokens rename to access_tokens_1;
alter table codes rename to codes_1;
alter table authorizations rename to authorizations_1;

create table authorizations (
    id text not null primary key,
    client_id text not null references clients (id) on delete cascade,
    agent_id text references agents (id) on delete cascade,
    -- The browser session with which it ends; null when it outlives it (offline_access) or never had one.
    session_id text,
    document text not null,
    created_at bigint not null,
    expires_at bigint not null,
    revoked_at bigint
);
insert into authorizations (id, client_id, agent_id, document, created_at, expires_at, revoked_at)
    select id, client_id, agent_id, document, created_at, expires_at, revoked_at from authorizations_1;

create table codes (
    fingerprint text not null primary key,
    authorization_id text not null references authorizations (id) on delete cascade,
    client_id text not null,
    redirect_uri text not null,
    code_challenge text,
    expires_at bigint not null,
    consumed_at bigint
);
insert into codes (fingerprint, authorization_id, client_id, redirect_uri, code_challenge, expires_at, consumed_at)
    select fingerprint, authorization_id, client_id, redirect_uri, code_challenge, expires_at, consumed_at from codes_1;

-- details: JSON with what a token narrows of its authorization (scope, audience) and when it was issued; null means all of it.
create table access_tokens (
    fingerprint text not null primary key,
    authorization_id text not null references authorizations (id) on delete cascade,
    details text,
    expires_at bigint not null,
    revoked_at bigint
);
insert into access_tokens (fingerprint, authorization_id, expires_at)
    select fingerprint, authorization_id, expires_at from access_tokens_1;

drop table access_tokens_1;
drop table codes_1;
drop table authorizations_1;
create index authorizations_agent on authorizations (agent_id);
create index authorizations_client on authorizations (client_id);
create index authorizations_session on authorizations (session_id);
create index authorizations_expiry on authorizations (expires_at);
create index codes_authorization on codes (authorization_id);
create index access_tokens_authorization on access_tokens (authorization_id);
create index access_tokens_expiry on access_tokens (expires_at);

-- The family of a refresh token is its authorization. A rotated token keeps its successor, sealed under a key derived from
-- itself, for the one lost response that is forgiven.
create table refresh_tokens (
    fingerprint text not null primary key,
    authorization_id text not null references authorizations (id) on delete cascade,
    created_at bigint not null,
    expires_at bigint not null,
    rotated_at bigint,
    successor text,
    sealed_successor text
);
create index refresh_tokens_authorization on refresh_tokens (authorization_id);
create index refresh_tokens_expiry on refresh_tokens (expires_at);

-- Assertions, request objects and the like that count once: who signed it, and the fingerprint of its jti.
create table used_jtis (
    signer text not null,
    jti text not null,
    expires_at bigint not null,
    primary key (signer, jti)
);
create index used_jtis_expiry on used_jtis (expires_at);

-- Protected resources (RFC 8707), loaded with `apply`.
create table resources (
    identifier text not null primary key,
    document text not null
);

-- The `sub` that the client was last given in this session; null until it redeemed a code.
alter table session_clients add column subject text;

-- Logout tokens to be delivered, and what became of them.
create table logout_deliveries (
    id text not null primary key,
    client_id text not null references clients (id) on delete cascade,
    subject text not null,
    sid text not null,
    created_at bigint not null,
    -- When it is due (again); whoever takes it moves this on, so that replicas do not take it twice. Null when it is over.
    next_attempt_at bigint,
    attempts bigint not null,
    delivered_at bigint,
    last_error text,
    expires_at bigint not null
);
create index logout_deliveries_due on logout_deliveries (next_attempt_at);
create index logout_deliveries_client on logout_deliveries (client_id, created_at);
create index logout_deliveries_expiry on logout_deliveries (expires_at);

-- Initial access tokens for dynamic registration.
create table registration_tokens (
    id text not null primary key,
    fingerprint text not null unique,
    note text not null,
    created_at bigint not null,
    expires_at bigint not null,
    uses_left bigint not null
);
create index registration_tokens_expiry on registration_tokens (expires_at);

-- Clients that registered themselves (RFC 7591, 7592): unused ones expire.
create table client_registrations (
    client_id text not null primary key references clients (id) on delete cascade,
    fingerprint text not null unique,
    network text not null,
    created_at bigint not null,
    expires_at bigint not null
);
create index client_registrations_network on client_registrations (network, created_at);
create index client_registrations_expiry on client_registrations (expires_at);

-- Logos as fetched and checked; content in base64.
create table client_logos (
    client_id text not null primary key references clients (id) on delete cascade,
    source_uri text not null,
    media_type text not null,
    content text not null,
    fetched_at bigint not null
);
