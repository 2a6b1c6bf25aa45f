DROP TABLE login_failures;
DROP TABLE enrolment_codes;
DROP TABLE sessions;
DROP TABLE role_grants;
DROP TABLE users;
DROP TABLE server_keys;
DROP TABLE organizations;
DROP TABLE meta;
