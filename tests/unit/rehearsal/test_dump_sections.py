"""Of a dump only what belongs into one database gets through, however its bytes arrive."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heat_upgrade_checks.rehearsal.dump_sections import (
    REACH,
    MariaDBSections,
    PostgreSQLSections,
    Sections,
)

MARIADB = rb"""/*M!999999\- enable the sandbox mode */
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB
/*!40101 SET NAMES utf8mb4 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;
SET @@SESSION.SQL_LOG_BIN= 0;
SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '36f0c1ab-0000-0000-0000-000000000001:1-5,
36f0c1ab-0000-0000-0000-000000000002:1-7';
CHANGE MASTER TO MASTER_LOG_FILE='mysql-bin.000001', MASTER_LOG_POS=4;
SET GLOBAL gtid_slave_pos='0-1-2';
/*!40000 DROP DATABASE IF EXISTS `keystone`*/;
CREATE DATABASE /*!32312 IF NOT EXISTS*/ `keystone` /*!40100 DEFAULT CHARACTER SET utf8mb3 */;
USE `keystone`;
CREATE TABLE `other` (
INSERT INTO `other` VALUES (1,'\nUSE `heat`;\n');
DELIMITER ;;
CREATE DEFINER=`root`@`%` PROCEDURE `p`()
USE `heat`;
;;
DELIMITER ;
CREATE DATABASE /*!32312 IF NOT EXISTS*/ `heat` /*!40100 DEFAULT CHARACTER SET utf8mb3 */;
USE `heat`;
CREATE TABLE `stack` (
  `id` int
);
INSERT INTO `stack` VALUES
(1,'USE `mysql`;'),
(2,'x');
ALTER DATABASE `heat` CHARACTER SET latin1 COLLATE latin1_swedish_ci ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`ro``ot`@`localhost`*/ /*!50003 TRIGGER t BEFORE INSERT
CREATE DEFINER=`a`@`b` kept, for it is the body's
USE `kept`;
*/;;
DELIMITER ;
CREATE DEFINER=`root`@`localhost` PROCEDURE outside()
/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `v` AS select 1 */;
/*M!100203 EXECUTE IMMEDIATE IF(@@LOG_OUTPUT='TABLE',"SET GLOBAL LOG_OUTPUT='NONE'", "DO 0") */;
USE `mysql`;
INSERT INTO `user` VALUES (1);
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
-- Dump completed
"""
MARIADB_KEPT = (
    rb"""
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB
/*!40101 SET NAMES utf8mb4 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
"""
    + rb"""
"""
    * 18
    + rb"""CREATE TABLE `stack` (
  `id` int
);
INSERT INTO `stack` VALUES
(1,'USE `mysql`;'),
(2,'x');

DELIMITER ;;
/*!50003 CREATE*/  /*!50003 TRIGGER t BEFORE INSERT
CREATE DEFINER=`a`@`b` kept, for it is the body's
USE `kept`;
*/;;
DELIMITER ;
CREATE  PROCEDURE outside()
/*!50013 SQL SECURITY DEFINER */
/*!50001 VIEW `v` AS select 1 */;



/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
-- Dump completed
"""
)

POSTGRESQL = rb"""-- PostgreSQL database cluster dump
\restrict key
SET transaction_timeout = 0;
CREATE ROLE heat;
ALTER ROLE heat WITH LOGIN PASSWORD 'a;
b''c';
\unrestrict key
\connect keystone
COPY public.other (id) FROM stdin;
\connect heat
\.
CREATE DATABASE heat WITH TEMPLATE = template0;
\connect -reuse-previous=on "dbname='heat'"
\restrict other
SET default_tablespace = fast;
SET default_tablespace = '';
COMMENT ON DATABASE heat IS 'it''s;
\connect keystone
';
COMMENT ON TABLE public.stack IS 'it''s;
\connect keystone
';
CREATE FUNCTION f() RETURNS text
    AS $_$
GRANT nothing, for this is a body;
$_$;
ALTER TABLE public.stack OWNER TO heat;
COPY public.stack (id, name) FROM stdin;
GRANT	1
\connect keystone	2
\.
COPY public.empty (id) FROM stdin;
\.
INSERT INTO public.stack VALUES (1, 'it''s;
GRANT ALL;
');
GRANT ALL ON TABLE public.stack TO nobody;
ALTER TABLE ONLY public.stack
    ADD CONSTRAINT stack_pkey PRIMARY KEY (id);
\unrestrict other
\connect postgres
CREATE TABLE public.third (id integer);
-- PostgreSQL database cluster dump complete
"""
POSTGRESQL_KEPT = rb"""-- PostgreSQL database cluster dump
\restrict key




\unrestrict key






\restrict other

SET default_tablespace = '';



COMMENT ON TABLE public.stack IS 'it''s;
\connect keystone
';
CREATE FUNCTION f() RETURNS text
    AS $_$
GRANT nothing, for this is a body;
$_$;

COPY public.stack (id, name) FROM stdin;
GRANT	1
\connect keystone	2
\.
COPY public.empty (id) FROM stdin;
\.
INSERT INTO public.stack VALUES (1, 'it''s;
GRANT ALL;
');

ALTER TABLE ONLY public.stack
    ADD CONSTRAINT stack_pkey PRIMARY KEY (id);
\unrestrict other



"""


def filtered(sections: Sections, pieces: list[bytes]) -> bytes:
    return b"".join([*map(sections.feed, pieces), sections.end()])


def new(dump: bytes, reach: int = REACH) -> Sections:
    if dump == MARIADB:
        return MariaDBSections("heat", reach)
    return PostgreSQLSections("heat", knows_restrict=True, reach=reach)


@pytest.mark.parametrize(("dump", "kept"), [(MARIADB, MARIADB_KEPT), (POSTGRESQL, POSTGRESQL_KEPT)])
def test_only_the_wanted_section_gets_through_on_its_own_lines(dump: bytes, kept: bytes) -> None:
    sections = new(dump)
    assert filtered(sections, [dump]).decode() == kept.decode()
    assert kept.count(b"\n") == dump.count(b"\n")
    assert sections.holds_wanted


@pytest.mark.parametrize("dump", [MARIADB, POSTGRESQL])
@given(st.data())
def test_it_does_not_matter_how_a_dump_is_cut_into_pieces(dump: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(dump)), max_size=30).map(sorted))
    repeated = data.draw(st.integers(1, 4))
    reach = data.draw(st.sampled_from((200, 1000, REACH)))
    whole = dump * repeated
    bounds = [0, *cuts, len(whole)]
    pieces = [whole[a:b] for a, b in itertools.pairwise(bounds)]
    assert filtered(new(dump, reach), pieces) == filtered(new(dump, reach), [whole])


@pytest.mark.parametrize(
    "dump",
    [b"CREATE TABLE `t` (\n);\nINSERT INTO `t` VALUES (1);\n", b"", b"no newline", b"\n\n"],
)
def test_a_dump_of_one_database_gets_through_whatever_its_name(dump: bytes) -> None:
    for sections in (
        MariaDBSections("heat"),
        PostgreSQLSections("heat", knows_restrict=False),
    ):
        assert filtered(sections, [dump]) == dump
        assert sections.holds_wanted


def test_a_dump_of_other_databases_holds_nothing_wanted() -> None:
    for sections, dump in (
        (MariaDBSections("heat"), b"USE `nova`;\nINSERT INTO `t` VALUES (1);\n"),
        (PostgreSQLSections("heat", knows_restrict=True), b"\\connect nova\nSELECT 1;\n"),
    ):
        assert filtered(sections, [dump]).strip() == b""
        assert not sections.holds_wanted


def test_an_older_psql_is_spared_the_command_it_does_not_know() -> None:
    dump = b"\\restrict key\nSELECT 1;\n\\unrestrict key\n"
    sections = PostgreSQLSections("heat", knows_restrict=False)
    assert filtered(sections, [dump]) == b"\nSELECT 1;\n\n"
