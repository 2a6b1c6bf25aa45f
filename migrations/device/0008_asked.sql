-- When the server last said that it has the whole of a photo. What it said long ago it is asked again: a copy of its files that
-- somebody put back by hand has no new epoch that would tell.
ALTER TABLE blobs ADD COLUMN asked_ms INTEGER;
