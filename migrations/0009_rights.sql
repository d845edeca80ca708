-- Roles in the workspace and in rooms, and what follows from them: policies, bans, archived and deleted rooms.
--
-- All servers must be stopped while this migration runs: older ones read `users.admin`, which goes here.

alter table users
    add column role text not null default 'member'
        check (role in ('guest', 'member', 'moderator', 'admin', 'owner'));
-- The first account made the workspace, so it owns it. If it is suspended it could not be let in again, so another one does.
update users set role = 'admin' where admin;
update users set role = 'owner' where id = (
    select id from users where admin order by suspended_at is not null, created_at, id limit 1);
alter table users drop column admin;

alter table members drop constraint members_role_check;
alter table members
    add constraint members_role_check check (role in ('owner', 'moderator', 'member')),
    -- When they were banned. Only somebody who is not in the room can be.
    add column banned_at timestamptz,
    add constraint members_banned_is_out check (banned_at is null or not active);
create index members_owners on members (room_id) where active and role = 'owner';
create index members_banned on members (room_id, banned_at desc) where banned_at is not null;

-- The list of members: owners, then moderators, then everybody else.
drop index members_listed;
create index members_listed on members
    (room_id, (case role when 'owner' then 0 when 'moderator' then 1 else 2 end), sort_name, user_id) where active;

alter table rooms
    -- The least role that may do these things.
    add column post_role text not null default 'member' check (post_role in ('owner', 'moderator', 'member')),
    add column invite_role text not null default 'member' check (invite_role in ('owner', 'moderator', 'member')),
    add column pin_role text not null default 'member' check (pin_role in ('owner', 'moderator', 'member')),
    add column mention_role text not null default 'member' check (mention_role in ('owner', 'moderator', 'member')),
    add column archived_at timestamptz,
    -- The room is gone for everybody. Its row stays, because its numbers must never be given again.
    add column deleted_at timestamptz,
    -- All that was said in it has been erased: until then, messages and items up to these numbers.
    add column erased_at timestamptz,
    add column erased_seq bigint not null default 0,
    add column erased_rev bigint not null default 0,
    -- The folded title of a channel, by which it is unique; null for other rooms.
    add column title_key text;
update rooms set pin_role = 'moderator', mention_role = 'moderator' where kind = 'channel';
create index rooms_to_erase on rooms (deleted_at) where deleted_at is not null and erased_at is null;

-- The list of channels: archived ones last, the largest first.
drop index rooms_channels;
create index rooms_channels on rooms ((archived_at is not null), member_count desc, id)
    where kind = 'channel' and deleted_at is null;

-- Of channels that have one title, the oldest keeps it and the others get a number.
update rooms r set title = left(r.title, 74) || ' ' || k.number
from (
    select id, row_number() over (partition by lower(normalize(title, nfkc)) order by id) as number
    from rooms where kind = 'channel'
) k
where r.id = k.id and k.number > 1;
-- A title that had such a number already may be taken: then the id makes the difference.
update rooms r set title = left(r.title, 43) || ' ' || r.id
from (
    select id, row_number() over (partition by lower(normalize(title, nfkc)) order by id) as number
    from rooms where kind = 'channel'
) k
where r.id = k.id and k.number > 1;
update rooms set title_key = lower(normalize(title, nfkc)) where kind = 'channel';
create unique index rooms_title on rooms (title_key);

-- Whether a member's right to post must be looked up: the room is archived, deleted, or not for everyone to post in. It
-- stands in the line's row because every message locks that row.
alter table lines add column restricted boolean not null default false;

-- Roles and titles have changed without numbers.
update installation set epoch = gen_random_uuid();
