-- One mechanism for everything that changes: lines and items.
--
-- A line is a sequence of numbered changes with one owner: a room, a person (what only they see), or the workspace (what
-- everybody sees). Whoever changes anything takes the line's next number under its row lock, inside the transaction that makes
-- the change. A message carries the number at which it was born. Everything that changes later is an item: one row says at which
-- number it last changed. «What changed after N» is then: messages born after N, and items with `rev > N`.
--
-- All servers must be stopped while this migration runs: older ones keep their numbers in `rooms`, which go here.

create table lines (
    -- The room's id, the person's id, or nil for the workspace.
    id uuid primary key,
    kind text not null check (kind in ('room', 'person', 'workspace')),
    -- The last number that was given.
    head bigint not null default 0,
    -- Below this number history has been purged.
    floor bigint not null default 0,
    -- How many messages were born here: the ordinal of the newest. A difference of ordinals says whether somebody has nothing
    -- unread, or more than is counted, without counting.
    messages bigint not null default 0,
    active_at timestamptz not null default now()
    -- The row is changed with every message. Half of each page is left free, so that the new version lies beside the old one
    -- and no index is touched.
) with (fillfactor = 50);

create table items (
    line_id uuid not null references lines (id) on delete cascade,
    kind text not null,
    -- Which thing of its kind: see `store/lines.rs`.
    key text not null,
    rev bigint not null,
    primary key (line_id, kind, key)
);

-- Catching up; and each number belongs to one change.
create unique index items_rev on items (line_id, rev);

insert into lines (id, kind, head, messages, active_at)
select r.id, 'room', r.head_seq, coalesce(m.born, 0), r.active_at
from rooms r
left join (select room_id, count(*) as born from messages group by room_id) m on m.room_id = r.id;

insert into lines (id, kind) select id, 'person' from users;
insert into lines (id, kind) values ('00000000-0000-0000-0000-000000000000', 'workspace');

alter table rooms drop column head_seq, drop column active_at;

-- The place of a message among the messages of its room, from 1: unlike `seq` it counts nothing else.
alter table messages add column ordinal bigint;
update messages m set ordinal = k.ordinal
from (select room_id, seq, row_number() over (partition by room_id order by seq) as ordinal from messages) k
where m.room_id = k.room_id and m.seq = k.seq;
alter table messages alter column ordinal set not null;

-- Reactions carry the number of their change, so that their order follows from what is there: `["<user>", number]` in place
-- of `"<user>"`. Those that are there already are numbered in their order.
update messages m set reactions = (
    select jsonb_agg(jsonb_build_object('emoji', r.emoji, 'users', r.users) order by r.place)
    from (
        select e.place, e.reaction ->> 'emoji' as emoji,
            jsonb_agg(jsonb_build_array(u.id, e.place * 1000 + u.place - 500000) order by u.place) as users
        from jsonb_array_elements(m.reactions) with ordinality as e (reaction, place),
            jsonb_array_elements(e.reaction -> 'users') with ordinality as u (id, place)
        group by e.place, e.reaction
    ) r
)
where reactions <> '[]';

-- What changed is found by items now.
drop index messages_rev;
drop index members_rev;

alter table members
    -- How many messages were born up to `read_seq`: kept beside it.
    add column read_ordinal bigint not null default 0,
    -- By what the list of members is sorted: the name, folded. A copy, kept by whoever renames a person.
    add column sort_name text not null default '';
update members m set read_ordinal = (
    select coalesce(max(x.ordinal), 0) from messages x where x.room_id = m.room_id and x.seq <= m.read_seq
);
update members m set sort_name = lower(u.name) from users u where u.id = m.user_id;

-- The list of members, owners first, in pages.
create index members_listed on members (room_id, (role <> 'owner'), sort_name, user_id) where active;

-- A profile's last change, on the workspace's line.
alter table users add column rev bigint not null default 0;

-- Pinned messages. The row of a pin that was taken away stays: that it is gone is a change that others catch up on.
create table pins (
    room_id uuid not null references rooms (id) on delete cascade,
    seq bigint not null,
    by_id uuid not null references users (id),
    at timestamptz not null default now(),
    pinned boolean not null,
    rev bigint not null,
    primary key (room_id, seq)
);
create index pins_of_room on pins (room_id, rev desc) where pinned;

-- The channels of Redis are called by this: it outlives an epoch, so that servers hear each other while they adopt a new one.
alter table installation add column id uuid not null default gen_random_uuid();
-- Every number that a browser knows is counted by other rules now.
update installation set epoch = gen_random_uuid();
