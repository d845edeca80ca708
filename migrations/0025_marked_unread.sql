-- Rooms that people marked unread. It concerns only the person: the read mark, which others see, stays.

-- A room counts as unread after the lower of the two: `least` passes over what is null. Like the read mark, the number comes with the
-- ordinal of the last message up to it, so the unread count stays as cheap. Nothing is searched by these columns. Older servers leave
-- them alone and count from the read mark.
alter table members
    add column unread_after bigint,
    add column unread_ordinal bigint,
    -- The number of the last such change on the person's line; 0 if there was none. It stays when the person has read on, so that an
    -- older state of the room does not bring the mark back.
    add column unread_rev bigint not null default 0;
