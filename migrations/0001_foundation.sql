-- One text for SQLite and PostgreSQL: only TEXT and BIGINT, times in Unix seconds, lists and documents as JSON text.
-- Never edited once applied; a change is a new file.

create table settings (
    name text not null primary key,
    value text not null
);

create table clients (
    id text not null primary key,
    document text not null,
    created_at bigint not null,
    updated_at bigint not null
);

create table client_secrets (
    id text not null primary key,
    client_id text not null references clients (id) on delete cascade,
    fingerprint text not null,
    created_at bigint not null,
    expires_at bigint
);
create index client_secrets_client on client_secrets (client_id);
create index client_secrets_expiry on client_secrets (expires_at);

create table homeservers (
    name text not null primary key,
    position bigint not null,
    document text not null
);

create table administrations (
    domain text not null primary key,
    document text not null
);

create table agents (
    id text not null primary key,
    homeserver text not null,
    matrix_id text not null,
    display_name text,
    email_address text,
    email_added_at bigint,
    -- Outlives logins at which no address is believed: by it a recreated account is noticed.
    last_believed_address text,
    last_believed_added_at bigint,
    locale text,
    created_at bigint not null,
    updated_at bigint not null,
    closed_at bigint
);
-- A recreated account is a new agent: the closed ones stay, at most one is open.
create unique index agents_open_account on agents (homeserver, matrix_id) where closed_at is null;

create table subjects (
    agent_id text not null references agents (id) on delete cascade,
    sector text not null,
    subject text not null unique,
    primary key (agent_id, sector)
);

create table browser_sessions (
    id text not null primary key,
    agent_id text not null references agents (id) on delete cascade,
    way text not null,
    auth_time bigint,
    created_at bigint not null,
    expires_at bigint not null
);
create index browser_sessions_agent on browser_sessions (agent_id);
create index browser_sessions_expiry on browser_sessions (expires_at);

create table session_clients (
    session_id text not null references browser_sessions (id) on delete cascade,
    client_id text not null references clients (id) on delete cascade,
    sid text not null unique,
    primary key (session_id, client_id)
);

create table web_sessions (
    id text not null primary key,
    data text not null,
    expires_at bigint not null
);
create index web_sessions_expiry on web_sessions (expires_at);

create table flows (
    id text not null primary key,
    browser text,
    client_id text not null references clients (id) on delete cascade,
    params text not null,
    progress text not null,
    attempt text unique,
    network text not null,
    created_at bigint not null,
    expires_at bigint not null,
    version bigint not null
);
create index flows_network on flows (network, expires_at);
create index flows_expiry on flows (expires_at);

create table consents (
    agent_id text not null references agents (id) on delete cascade,
    client_id text not null references clients (id) on delete cascade,
    claims text not null,
    given_at bigint not null,
    expires_at bigint not null,
    primary key (agent_id, client_id)
);
create index consents_expiry on consents (expires_at);

-- expires_at is the latest expiry of anything issued from it: its code, then its access token. Codes and tokens leave
-- with their authorization, so a spent code is remembered as long as what it issued.
create table authorizations (
    id text not null primary key,
    client_id text not null references clients (id) on delete cascade,
    agent_id text not null references agents (id) on delete cascade,
    document text not null,
    created_at bigint not null,
    expires_at bigint not null,
    revoked_at bigint
);
create index authorizations_agent on authorizations (agent_id);
create index authorizations_expiry on authorizations (expires_at);

create table codes (
    fingerprint text not null primary key,
    authorization_id text not null references authorizations (id) on delete cascade,
    client_id text not null,
    redirect_uri text not null,
    code_challenge text,
    expires_at bigint not null,
    consumed_at bigint
);
create index codes_authorization on codes (authorization_id);

create table access_tokens (
    fingerprint text not null primary key,
    authorization_id text not null references authorizations (id) on delete cascade,
    expires_at bigint not null
);
create index access_tokens_authorization on access_tokens (authorization_id);

create table signing_keys (
    id text not null primary key,
    alg text not null,
    serial bigint not null,
    sealed_private text not null,
    public_jwk text not null,
    created_at bigint not null,
    active_from bigint not null,
    unique (alg, serial)
);
