-- The words of messages, for search.
--
-- Servers split texts into words (`server/src/search/words.rs`): Postgres has no rules for Chinese, Japanese or Korean, and pg_trgm does
-- not help with words of one or two characters. A table of its own, because adding the words to `messages` would write each message twice
-- and touch all of its indexes. It is filled after a message is acknowledged, by a cursor for each room, so sending costs nothing more.

create table search (
    room_id uuid not null,
    seq bigint not null,
    -- When the message was sent, to the millisecond, as it travels: hits are listed by it.
    at timestamptz(3) not null,
    -- Lexemes with their positions; and tags without: the room (`#…`), the author (`@…`), who is mentioned (`>…`), `!link`, `!thread`.
    -- Tags are in the same index as words, so that Postgres combines them by skipping through both lists. With a second column for the
    -- room, that would need the extension btree_gin.
    words tsvector not null,
    primary key (room_id, seq)
);

-- The newest messages, for common words: of those, a look at the last few thousand finds a page.
create index search_at on search (at);

-- New entries wait in a list that each search reads, and are sorted into the index together. Whoever fills the list over this size (in
-- kilobytes) sorts it in: always the task that fills the index, never a sender. The default of 4 MB would cost each search some
-- milliseconds; no list at all would cost three times as much for each message.
create index search_words on search using gin (words) with (fastupdate = on, gin_pending_list_limit = 512);

-- How far each room is in the index. All numbers of its line in (back, through] are; `back` goes down to 0, so that the newest messages of
-- a room that existed before this table are found first. A room without a row is not in the index yet.
create table search_cursors (
    room_id uuid primary key,
    through bigint not null,
    back bigint not null,
    -- By which rules: `RULES` in `server/src/search/mod.rs`. With newer rules, everything is done again.
    rules int not null
) with (fillfactor = 70);

-- What is deleted is gone from the index at once, also if a server deletes it that does not know this table: see 0017.
create function erase_search() returns trigger language plpgsql as $$
begin
    delete from search where room_id = new.room_id and seq = new.seq;
    return null;
end
$$;

create trigger erase_search after update of deleted_at on messages
    for each row when (old.deleted_at is null and new.deleted_at is not null)
    execute function erase_search();

-- The messages of a deleted room, thousands in a statement. (The task that fills the index holds a lock on the row of the room, so it adds
-- none behind this trigger's back: see `store/search.rs`.)
create function erase_search_of_room() returns trigger language plpgsql as $$
begin
    delete from search s using gone where s.room_id = gone.room_id and s.seq = gone.seq;
    return null;
end
$$;

create trigger erase_search_of_room after delete on messages
    referencing old table as gone
    for each statement execute function erase_search_of_room();
