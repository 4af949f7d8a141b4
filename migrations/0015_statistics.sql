-- How often agents signed in or were refused, by day (days since 1970-01-01, UTC). No row per agent. administration: the domain of
-- the row that the agent's e-mail address belongs to, '' when there is none or it is not known yet; way: '' when none was chosen
-- yet. A client that is gone keeps its numbers.
create table sign_in_counts (
    day bigint not null,
    client_id text not null,
    administration text not null,
    way text not null,
    result text not null,
    count bigint not null,
    primary key (day, client_id, administration, way, result)
);
create index sign_in_counts_client on sign_in_counts (client_id, day);
create index sign_in_counts_administration on sign_in_counts (administration, day);

-- The same over all clients and administrations: what is shown of all of them must not read all of them.
create table sign_in_totals (
    day bigint not null,
    way text not null,
    result text not null,
    count bigint not null,
    primary key (day, way, result)
);
