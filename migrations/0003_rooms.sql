-- Rooms, their members and their messages.
--
-- A room is a line of numbered changes. `rooms.head_seq` is its last number; whoever changes anything in the room
-- takes the next one under the room's row lock, inside the transaction that makes the change, so that the numbers
-- have no hole and appear in order. The thing that changed (a message, a membership, the room's own properties)
-- carries the number of its last change, `rev_seq`: «everything after N» is `rev_seq > N`.
--
-- Every key begins with the room, so that these tables can be partitioned or distributed by room without a rewrite.
-- Times come from the database's clock, never from a node's, and are for showing: nothing is ordered by them.

create table rooms (
    id uuid primary key,
    kind text not null check (kind in ('direct', 'group', 'channel')),
    title text not null default '',
    topic text not null default '',
    rev_seq bigint not null default 0,
    head_seq bigint not null default 0,
    member_count integer not null default 0,
    -- The two members of a direct room, in order: two people who begin one at the same moment share it.
    direct_low uuid references users (id),
    direct_high uuid references users (id),
    created_by uuid not null references users (id),
    -- The browser's own name for the room, so that a repeated «make» finds the first one.
    nonce uuid not null,
    created_at timestamptz not null default now(),
    active_at timestamptz not null default now(),
    unique (direct_low, direct_high),
    unique (created_by, nonce),
    check ((kind = 'direct') = (direct_low is not null and direct_high is not null)),
    check (direct_low < direct_high)
);

-- The list of channels, the largest first.
create index rooms_channels on rooms (member_count desc) where kind = 'channel';

create table members (
    room_id uuid not null references rooms (id) on delete cascade,
    user_id uuid not null references users (id),
    role text not null check (role in ('owner', 'member')),
    -- Who has left keeps the row: that they left is a change that others catch up on.
    active boolean not null default true,
    rev_seq bigint not null,
    -- Marks only grow. A device has confirmed everything up to `delivered_seq`; the person has seen up to `read_seq`.
    delivered_seq bigint not null default 0,
    read_seq bigint not null default 0,
    joined_at timestamptz not null default now(),
    primary key (room_id, user_id),
    check (read_seq <= delivered_seq)
);

-- «Which rooms am I in?»: at every page and every connection.
create index members_of_user on members (user_id) where active;
-- Catching up.
create index members_rev on members (room_id, rev_seq);

create table messages (
    room_id uuid not null references rooms (id) on delete cascade,
    seq bigint not null,
    rev_seq bigint not null,
    id uuid not null,
    author_id uuid not null references users (id),
    -- Made by the author's browser. A repeat finds the first one, for ever.
    nonce uuid not null,
    body text not null,
    sent_at timestamptz not null default now(),
    primary key (room_id, seq),
    unique (room_id, author_id, nonce)
);

-- Catching up.
create index messages_rev on messages (room_id, rev_seq);

-- Finding people by a part of their handle or name is a scan of `users`: cheap for as many people as one place has.
