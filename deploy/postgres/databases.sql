-- Each service has a database of its own and reads no other's. The image runs this once, on an empty volume.
CREATE DATABASE tracking;
CREATE DATABASE artifacts;
CREATE DATABASE registry;
CREATE DATABASE auth;
