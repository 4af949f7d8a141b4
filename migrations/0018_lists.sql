-- What lists with a million agents and years of counts need to be read by an index, a page at a time (decision 68).

-- The team, by pages.
create index roles_listed on roles (role, granted_at, agent_id, administration);
drop index roles_role;

-- Unknown domains, the most frequent first.
create index unknown_email_domains_listed on unknown_email_domains (sign_ins, domain);

-- Services that hold something of an agent, by pages; takes the place of the index on agent_id alone.
create index authorizations_agent_client on authorizations (agent_id, client_id, expires_at);
drop index authorizations_agent;

-- When an agent first and last signed in to each service.
create index sign_in_history_agent_client on sign_in_history (agent_id, client_id, at);

-- Filters of the journal that meet: what was done by somebody, or to something, of one class; and to something, of one kind.
create index audit_events_actor_class on audit_events (actor_kind, actor_id, class, at, id);
create index audit_events_object_class on audit_events (object_kind, object_id, class, at, id);
create index audit_events_object_action on audit_events (object_kind, object_id, action, at, id);

-- Who takes part in sessions of a client: asked in an emergency, and when a client goes.
create index session_clients_client on session_clients (client_id);
