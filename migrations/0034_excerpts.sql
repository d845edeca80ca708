-- The first lines of a text file, as its message shows them. Null if it is no text; files that were stored before have none.
alter table blobs add column excerpt text;
