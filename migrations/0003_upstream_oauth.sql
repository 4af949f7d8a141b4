-- Who an account is to its homeserver's authentication service: another subject behind the same Matrix id is another person.
alter table agents add column upstream_issuer text;
alter table agents add column upstream_subject text;

-- The authentication service that each homeserver is known by, no two by the same one, and the client that we registered
-- there: registration is a fingerprint of what was registered.
create table upstream_issuers (
    homeserver text not null primary key,
    issuer text not null unique,
    client_id text,
    registration text,
    pinned_at bigint not null
);
