-- How far the log was in a copy kept elsewhere, as far as this device knew, when the server last said that it has the photo: a copy of
-- a server that had lost the photo is none of the photo, though it is one of the log.
ALTER TABLE blobs ADD COLUMN had_durable INTEGER;
