-- Groups of people, such as `@design`: made by administrators, and mentioned like a person. A mention of a group is one row of
-- `mentions` with the group's id, and counts for whoever is in the group and in the room. So it costs the same for every group, and
-- nothing about a room is stored for people who are not in it.

create table groups (
    id uuid primary key,
    -- Folded like the handle of an account. Null once the group has been deleted, which frees it.
    handle text unique,
    -- Empty once it has been deleted. The row stays: it is an item of the workspace's line.
    title text not null,
    -- How many people are in it: profiles carry it, and large groups are not mentioned by everyone.
    members int not null default 0,
    -- The number of its last change on the workspace's line.
    rev bigint not null,
    check ((handle is null) = (title = ''))
);

create table group_members (
    group_id uuid not null references groups (id),
    user_id uuid not null references users (id),
    -- The number of this change on the person's line.
    rev bigint not null,
    primary key (group_id, user_id)
);
-- The groups of a person, for counting their mentions.
create index groups_of_user on group_members (user_id, group_id);

-- People and groups share their handles, and two tables cannot share a unique index. The lock makes two who want the same handle at
-- once wait for each other; whoever is second sees the first. A trigger, and not a statement of the servers: an older one that runs
-- during an upgrade creates accounts, too. It reports what that server takes for a taken handle.
create function keep_handles_apart() returns trigger language plpgsql as $$
declare
    taken boolean;
begin
    perform pg_advisory_xact_lock(hashtextextended('handle ' || new.handle, 0));
    if tg_table_name = 'users' then
        select exists (select from groups where handle = new.handle) into taken;
    else
        select exists (select from users where handle = new.handle) into taken;
    end if;
    if taken then
        raise unique_violation using message = 'the handle is taken', constraint = 'users_handle_key';
    end if;
    return new;
end
$$;

create trigger keep_handles_apart before insert or update of handle on users
    for each row execute function keep_handles_apart();
create trigger keep_handles_apart before insert or update of handle on groups
    for each row when (new.handle is not null) execute function keep_handles_apart();
