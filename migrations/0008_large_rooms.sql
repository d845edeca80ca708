-- In a room of more than 100 members nobody is told of others' marks, only people of their own. The check of the marks asks
-- which rooms these are: few, and this index holds no others. (The number is `limits::MARKS_MEMBERS_MAX`.)
create index rooms_large on rooms (id) where member_count > 100;
