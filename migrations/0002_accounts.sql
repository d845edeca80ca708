-- People, their signed-in browsers, and the links by which others may come.

create table users (
    -- UUIDv7, made by the server: new rows lie together.
    id uuid primary key,
    -- Already lower case when it gets here (protocol::Handle), so that plain uniqueness is enough.
    handle text not null,
    name text not null check (char_length(name) between 1 and 64),
    -- PHC string: algorithm and parameters are in it, so that they can be raised later.
    password_hash text not null,
    admin boolean not null default false,
    created_at timestamptz not null default now(),
    -- The server tells a taken handle by this name.
    constraint users_handle_key unique (handle),
    constraint users_handle_form check (handle ~ '^[a-z0-9][a-z0-9._-]{1,31}$')
);

create table sessions (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    -- SHA-256 of the cookie's token: who reads this table cannot sign in with it. Unique also serves the look-up that
    -- every request makes.
    token_hash bytea not null unique check (octet_length(token_hash) = 32),
    -- What the browser called itself, shortened; shown to its owner only.
    device text not null check (char_length(device) <= 80),
    created_at timestamptz not null default now(),
    -- Written at most once a minute.
    seen_at timestamptz not null default now(),
    -- Moved ahead whenever seen_at is.
    expires_at timestamptz not null
);

-- The settings page, and ending all sessions of a person.
create index sessions_user_id on sessions (user_id);
-- The sweep that deletes what has expired.
create index sessions_expires_at on sessions (expires_at);

create table invitations (
    id uuid primary key,
    -- SHA-256 of the link's secret, as for sessions.
    token_hash bytea not null unique check (octet_length(token_hash) = 32),
    created_by uuid not null references users (id) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    -- Counted down in the transaction that makes the account: the check is what keeps two people from using the last one.
    uses_left integer not null check (uses_left >= 0),
    revoked_at timestamptz
);

-- The settings page.
create index invitations_created_by on invitations (created_by);
