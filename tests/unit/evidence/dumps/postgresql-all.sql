--
-- PostgreSQL database cluster dump
--

\restrict FgOd2v4rXOT5XCCacR1UDinJqoo0mKEMZpyw4X3aZPhzBmXMNH2aQ4VFhOpYZ2S

SET default_transaction_read_only = off;

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

--
-- Roles
--

CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS;

--
-- User Configurations
--








\unrestrict FgOd2v4rXOT5XCCacR1UDinJqoo0mKEMZpyw4X3aZPhzBmXMNH2aQ4VFhOpYZ2S

--
-- Databases
--

--
-- Database "template1" dump
--

\connect template1

--
-- PostgreSQL database dump
--

\restrict ZU3njgWvVAEjoMzrokVI0nI57ZBEhrMKJqx3rRDLJnhPxfy5DFikaAftafo28IQ

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- PostgreSQL database dump complete
--

\unrestrict ZU3njgWvVAEjoMzrokVI0nI57ZBEhrMKJqx3rRDLJnhPxfy5DFikaAftafo28IQ

--
-- Database "heat" dump
--

--
-- PostgreSQL database dump
--

\restrict H8PiXxojh0TVC8ywtkVmneWOVvKlmlSwHt1XmkhaY9idmLynMuR6QVRrMmN2e8Z

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: heat; Type: DATABASE; Schema: -; Owner: postgres
--

CREATE DATABASE heat WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';


ALTER DATABASE heat OWNER TO postgres;

\unrestrict H8PiXxojh0TVC8ywtkVmneWOVvKlmlSwHt1XmkhaY9idmLynMuR6QVRrMmN2e8Z
\connect heat
\restrict H8PiXxojh0TVC8ywtkVmneWOVvKlmlSwHt1XmkhaY9idmLynMuR6QVRrMmN2e8Z

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: other; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA other;


ALTER SCHEMA other OWNER TO postgres;

--
-- Name: watch(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.watch() RETURNS integer
    LANGUAGE plpgsql
    AS $$
begin
CREATE TABLE fake (x int);
return 1; end $$;


ALTER FUNCTION public.watch() OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: stack; Type: TABLE; Schema: other; Owner: postgres
--

CREATE TABLE other.stack (
    id integer
);


ALTER TABLE other.stack OWNER TO postgres;

--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


ALTER TABLE public.alembic_version OWNER TO postgres;

--
-- Name: stack; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.stack (
    id character varying(36),
    name text,
    note text
);


ALTER TABLE public.stack OWNER TO postgres;

--
-- Name: TABLE stack; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON TABLE public.stack IS 'a
CREATE TABLE public.fake (
';


--
-- Name: sync"point; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public."sync""point" (
    id integer
);


ALTER TABLE public."sync""point" OWNER TO postgres;

--
-- Data for Name: stack; Type: TABLE DATA; Schema: other; Owner: postgres
--

COPY other.stack (id) FROM stdin;
\.


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.alembic_version (version_num) FROM stdin;
c6214ca60943
\.


--
-- Data for Name: stack; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.stack (id, name, note) FROM stdin;
s1	a\n-- PostgreSQL database dump complete\n--\n\n\\.\nCREATE TABLE public.fake (it's;\n	x
CREATE TABLE public.fake (	COPY public.fake (id) FROM stdin;	\\.
\.


--
-- Data for Name: sync"point; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public."sync""point" (id) FROM stdin;
\.


--
-- PostgreSQL database dump complete
--

\unrestrict H8PiXxojh0TVC8ywtkVmneWOVvKlmlSwHt1XmkhaY9idmLynMuR6QVRrMmN2e8Z

--
-- Database "keystone" dump
--

--
-- PostgreSQL database dump
--

\restrict XrdAne0b8WEna02mKmMKqpAtXuX8uRQ3XfAOJHqbgAHdEWEt1I0LFcQ9GMlLhT7

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: keystone; Type: DATABASE; Schema: -; Owner: postgres
--

CREATE DATABASE keystone WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';


ALTER DATABASE keystone OWNER TO postgres;

\unrestrict XrdAne0b8WEna02mKmMKqpAtXuX8uRQ3XfAOJHqbgAHdEWEt1I0LFcQ9GMlLhT7
\connect keystone
\restrict XrdAne0b8WEna02mKmMKqpAtXuX8uRQ3XfAOJHqbgAHdEWEt1I0LFcQ9GMlLhT7

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


ALTER TABLE public.alembic_version OWNER TO postgres;

--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.alembic_version (version_num) FROM stdin;
29e87d24a316
\.


--
-- PostgreSQL database dump complete
--

\unrestrict XrdAne0b8WEna02mKmMKqpAtXuX8uRQ3XfAOJHqbgAHdEWEt1I0LFcQ9GMlLhT7

--
-- Database "postgres" dump
--

\connect postgres

--
-- PostgreSQL database dump
--

\restrict F1qz4T0Gw7zNGuIAlEmxDy2dJylnio5fOGanThRzMMQom1oLwVINDwI1Unm2zIO

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- PostgreSQL database dump complete
--

\unrestrict F1qz4T0Gw7zNGuIAlEmxDy2dJylnio5fOGanThRzMMQom1oLwVINDwI1Unm2zIO

--
-- PostgreSQL database cluster dump complete
--

