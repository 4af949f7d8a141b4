-- Who runs the console. A role hangs on the internal agent: a recreated account is another one. administration is empty but
-- for managers.
create table roles (
    agent_id text not null references agents (id) on delete cascade,
    role text not null,
    administration text not null,
    granted_at bigint not null,
    -- The agent who gave it; null when the command line did.
    granted_by text,
    primary key (agent_id, role, administration)
);
create index roles_role on roles (role);

-- Roles of accounts that never signed in, until they do.
create table role_invitations (
    id text not null primary key,
    matrix_id text not null,
    role text not null,
    administration text not null,
    invited_at bigint not null,
    invited_by text,
    expires_at bigint not null,
    unique (matrix_id, role, administration)
);
create index role_invitations_expiry on role_invitations (expires_at);

-- One-time codes of the command line with which an account enrols its second factor; bound to the agent when it is known.
create table factor_enrolments (
    matrix_id text not null primary key,
    agent_id text references agents (id) on delete cascade,
    fingerprint text not null,
    expires_at bigint not null
);
create index factor_enrolments_expiry on factor_enrolments (expires_at);

-- Second factors (TOTP). session_id: the browser session that enrols it, while confirmed_at is null. last_step: the time step
-- of the last code that was taken; no code of it or before counts again.
create table second_factors (
    agent_id text not null primary key references agents (id) on delete cascade,
    sealed_secret text not null,
    session_id text not null,
    created_at bigint not null,
    confirmed_at bigint,
    last_step bigint not null
);

-- When the second factor was last given in this session.
alter table browser_sessions add column second_factor_at bigint;

-- An agent is found by the exact address.
create index agents_email on agents (email_address) where email_address is not null;
