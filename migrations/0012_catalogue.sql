-- What a search finds an administration by: beginnings of its domain, its numbers and the words of its name, as ASCII letters and
-- digits, which every database sorts alike.
create table administration_terms (
    term text not null,
    domain text not null references administrations (domain) on delete cascade,
    primary key (term, domain)
);
create index administration_terms_domain on administration_terms (domain);
-- Whether its terms are there. The former release writes none: the clean-up makes those that are missing.
alter table administrations add column indexed bigint not null default 0;
create index administrations_not_indexed on administrations (domain) where indexed = 0;

-- E-mail domains of agents of no known administration: how many sign-ins, and of nobody in particular. No more than a thousand.
create table unknown_email_domains (
    domain text not null primary key,
    sign_ins bigint not null,
    first_seen_at bigint not null,
    last_seen_at bigint not null
);
create index unknown_email_domains_age on unknown_email_domains (last_seen_at);

-- What an import will write, once the agent who saw its preview says so: one each, the last one.
create table administration_imports (
    agent_id text not null primary key references agents (id) on delete cascade,
    id text not null,
    document text not null,
    expires_at bigint not null
);
create index administration_imports_expiry on administration_imports (expires_at);

-- How often the key set was fetched since its newest keys were published: one row, of the newest.
create table key_set_fetches (
    published_at bigint not null primary key,
    fetches bigint not null
);
