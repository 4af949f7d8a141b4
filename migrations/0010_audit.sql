-- The audit log, append-only. Administrative acts are chained, day by day (UTC): day counts days since 1970-01-01, number
-- within it from 1, hash stands for this act and all before it. Security events have none of the three.
create table audit_events (
    id text not null primary key,
    at bigint not null,
    class text not null,
    action text not null,
    actor_kind text not null,
    -- '' where there is but one of that kind.
    actor_id text not null,
    object_kind text not null,
    object_id text not null,
    -- JSON, as it was hashed.
    detail text not null,
    day bigint,
    number bigint,
    hash text,
    unique (day, number)
);
-- One per filter of the journal, each in the order of its pages.
create index audit_events_at on audit_events (at, id);
create index audit_events_class on audit_events (class, at, id);
create index audit_events_action on audit_events (action, at, id);
create index audit_events_actor on audit_events (actor_kind, actor_id, at, id);
create index audit_events_actor_action on audit_events (actor_kind, actor_id, action, at, id);
create index audit_events_object on audit_events (object_kind, object_id, at, id);

-- One row. Its lock makes replicas append one after the other. day, number and hash are those of the newest act, so that one
-- taken from the end is missed; all days up to purged_day are gone, and purged_hash is what the days after them follow from.
create table audit_chain (
    id bigint not null primary key,
    day bigint not null,
    number bigint not null,
    hash text not null,
    purged_day bigint not null,
    purged_hash text not null
);
insert into audit_chain (id, day, number, hash, purged_day, purged_hash) values (1, 0, 0, '', 0, '');
