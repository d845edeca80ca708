-- A message may change: its text, that it is deleted, the reactions to it. Each change takes the room's next number and is
-- the message's new `rev_seq`; what the columns hold is the whole of its new state, as it travels.
--
-- Reactions are a part of the message's row, in the form of the wire, and not rows of their own: they are only ever read with
-- it and written under the room's lock, so a page of messages needs no join, and they cannot disagree with `rev_seq`. They are
-- bounded (500 a message), so the row stays small.
alter table messages
    -- How often the author has changed the text. An edit names the count that it has seen.
    add column edits integer not null default 0,
    -- The place of a deleted message is kept, for the numbers; its text and its reactions are gone.
    add column deleted_at timestamptz,
    add column reactions jsonb not null default '[]',
    add check (deleted_at is null or (body = '' and reactions = '[]'));
