-- Whether an account still stands. paused: why it does not for now ('locked', 'expired', 'suspended', 'missing'); null while it
-- stands. checked_at: when its homeserver last said anything of it, at a login or when the lifecycle watch asked.
-- next_check_at: when it is to be asked about; whoever takes it moves this on, so that replicas do not take it twice; null
-- while nothing of it lives. It begins at 0, so that whom the former release signs in is asked about too.
alter table agents add column paused text;
alter table agents add column checked_at bigint;
alter table agents add column next_check_at bigint default 0;
create index agents_due_for_check on agents (homeserver, next_check_at) where next_check_at is not null;

-- Whose turn it is to ask a homeserver: until then nobody else does.
create table watch_turns (
    homeserver text not null primary key,
    next_turn_at bigint not null
);
