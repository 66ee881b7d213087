"""What the pending migrations cost on a server: how much work, and what waits meanwhile.

`server` is what is known of a server and its tables, `mysql`, `postgresql` and `sqlite` what each
does when it is told to alter one, `pending` the costs of the migrations that are to come, and
`figures` what these mean for a table's size, a cluster's limits and the time that there is.

The rules rest on the vendors' manuals: MySQL 8.0 to 8.4 "Online DDL Operations", MariaDB "InnoDB
Online DDL Operations with the INSTANT / INPLACE Alter Algorithm", PostgreSQL 11 to 17 "ALTER TABLE"
and "Explicit Locking", Galera "Schema Upgrades". What they leave open is taken for the dearer way.
"""
