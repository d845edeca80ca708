-- What an administrator does with others' accounts: suspend one, and help who has forgotten their password.

-- Someone may be suspended: the account stays, with its rooms and its messages, and nobody can use it. Whoever asks whether a
-- session is good, or makes one, asks for this as well, so that a session that was left over, or is made at this very moment,
-- is worth nothing. The time is for whoever reads the table. No index on it: it is asked for one person whose row is read
-- anyway, and in the list of people, which is a scan of `users` as finding them is.
alter table users add column suspended_at timestamptz;

-- A link by which someone gives themselves another password, once. The person is the key: a new link takes the place of the
-- one before, so there is never more than one that is good.
create table password_links (
    user_id uuid primary key references users (id) on delete cascade,
    -- SHA-256 of the link's secret, as for sessions.
    token_hash bytea not null unique check (octet_length(token_hash) = 32),
    created_by uuid not null references users (id) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
