-- A login that fails after its ID token was verified finds the agent by the subject at the authentication service.
create index agents_upstream_subject on agents (homeserver, upstream_subject) where closed_at is null;
