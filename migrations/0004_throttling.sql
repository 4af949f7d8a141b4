-- Failed passwords: up to when each bucket (an account, a network) is filled.
create table throttles (
    bucket text not null primary key,
    full_until bigint not null
);
create index throttles_expiry on throttles (full_until);

-- Browsers in which an account signed in by password: the limits do not apply to them. A fingerprint of both.
create table known_browsers (
    fingerprint text not null primary key,
    expires_at bigint not null
);
create index known_browsers_expiry on known_browsers (expires_at);
