DROP TABLE feed;
DROP TABLE streams;
DROP TABLE segments;
DROP TABLE device_heads;
DROP TABLE devices;
