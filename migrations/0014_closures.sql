-- How many accounts of a homeserver were closed lately (decision 44).
create index agents_closed on agents (homeserver, closed_at) where closed_at is not null;
