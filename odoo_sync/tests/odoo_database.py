"""A database with those tables of an Odoo 19.0 that direct SQL touches, as seen there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg.conninfo import make_conninfo

from tenants.context import connection

_SIGNED = "create_uid int, write_uid int, create_date timestamp, write_date timestamp"
_PARTNER = """name varchar, complete_name varchar, company_registry varchar, vat varchar,
 website varchar, phone varchar, phone_sanitized varchar, street varchar, street2 varchar,
 zip varchar, city varchar, function varchar, email varchar, email_normalized varchar,
 type varchar, lang varchar, commercial_company_name varchar, comment text, is_company boolean,
 partner_share boolean, active boolean, color int, message_bounce int, parent_id int,
 country_id int, state_id int, company_id int, user_id int,
 commercial_partner_id int REFERENCES res_partner"""
_LEAD = """name varchar NOT NULL, type varchar NOT NULL, partner_name varchar, website varchar,
 contact_name varchar, function varchar, email_from varchar, email_normalized varchar,
 email_domain_criterion varchar, phone varchar, phone_sanitized varchar, street varchar,
 zip varchar, city varchar, priority varchar, won_status varchar, description text,
 active boolean, color int, message_bounce int, stage_id int REFERENCES crm_stage, team_id int,
 user_id int, company_id int, country_id int, partner_id int REFERENCES res_partner,
 probability float CHECK (probability BETWEEN 0 AND 100), automated_probability float,
 expected_revenue numeric, day_open float, day_close float, date_last_stage_update timestamp"""
TABLES = f"""
CREATE TABLE ir_module_module (name varchar, latest_version varchar);
CREATE TABLE ir_model_fields (id serial PRIMARY KEY, model varchar, name varchar, ttype varchar,
 relation varchar, relation_table varchar, column1 varchar, column2 varchar, readonly boolean,
 required boolean, store boolean);
CREATE TABLE ir_model_fields_selection (id serial PRIMARY KEY, field_id int, value varchar,
 sequence int);
CREATE TABLE ir_model_data (id serial PRIMARY KEY, module varchar NOT NULL, name varchar NOT NULL,
 model varchar NOT NULL, res_id int, noupdate boolean, {_SIGNED}, UNIQUE (module, name));
CREATE TABLE res_lang (id serial PRIMARY KEY, code varchar, active boolean);
CREATE TABLE res_country (id serial PRIMARY KEY, name jsonb, code varchar);
CREATE TABLE crm_team (id serial PRIMARY KEY, name jsonb, active boolean);
CREATE TABLE crm_stage (id serial PRIMARY KEY, name jsonb, sequence int, is_won boolean);
CREATE TABLE res_partner (id serial PRIMARY KEY, {_PARTNER}, {_SIGNED},
 CHECK (type = 'contact' AND name IS NOT NULL OR type <> 'contact'));
CREATE TABLE res_users (id serial PRIMARY KEY, login varchar, partner_id int, active boolean);
CREATE TABLE crm_lead (id serial PRIMARY KEY, {_LEAD}, {_SIGNED});
CREATE TABLE crm_tag (id serial PRIMARY KEY, name jsonb UNIQUE NOT NULL, color int, {_SIGNED});
CREATE TABLE res_partner_category (id serial PRIMARY KEY, name jsonb NOT NULL, color int,
 active boolean, parent_path varchar, {_SIGNED});
CREATE TABLE crm_tag_rel (lead_id int, tag_id int, PRIMARY KEY (lead_id, tag_id));
CREATE TABLE res_partner_res_partner_category_rel (category_id int, partner_id int,
 PRIMARY KEY (category_id, partner_id));
INSERT INTO ir_module_module VALUES ('base', '19.0.1.3');
INSERT INTO res_lang (code, active) VALUES ('en_US', true);
INSERT INTO res_country (name, code) VALUES ('{{"en_US": "Singapore"}}', 'SG');
INSERT INTO crm_team (name, active) VALUES ('{{"en_US": "Sales"}}', true);
INSERT INTO crm_stage (name, sequence, is_won) VALUES ('{{"en_US": "Won"}}', 70, true),
 ('{{"en_US": "New"}}', 1, NULL);
INSERT INTO res_partner (name, type, active) VALUES ('Odoo', 'contact', true),
 ('Sync', 'contact', true);
INSERT INTO res_users (login, partner_id, active) VALUES ('__system__', 1, false),
 ('sync', 2, true);
INSERT INTO ir_model_fields (model, name, ttype, relation, readonly, required, store)
SELECT replace(c.relname, '_', '.'), a.attname,
 CASE WHEN a.attname IN ('comment', 'description') THEN 'html'
      WHEN a.attname IN ('type', 'priority') THEN 'selection'
      WHEN r.model IS NOT NULL THEN 'many2one'
      ELSE coalesce(('{{"boolean": "boolean", "integer": "integer", "numeric": "float",
        "double precision": "float", "timestamp without time zone": "datetime"}}'::jsonb
        ->> format_type(a.atttypid, NULL)), 'char') END, r.model, false, false, true
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
LEFT JOIN (VALUES ('parent_id', 'res.partner'), ('partner_id', 'res.partner'),
 ('commercial_partner_id', 'res.partner'), ('country_id', 'res.country'), ('user_id', 'res.users'),
 ('stage_id', 'crm.stage'), ('team_id', 'crm.team')) r(name, model) ON r.name = a.attname
WHERE c.relname IN ('res_partner', 'crm_lead', 'crm_stage', 'crm_team', 'crm_tag', 'res_country',
 'res_partner_category', 'res_users') AND c.relnamespace = 'public'::regnamespace;
INSERT INTO ir_model_fields (model, name, ttype, relation, relation_table, column1, column2,
 readonly, required, store) VALUES
 ('crm.lead', 'tag_ids', 'many2many', 'crm.tag', 'crm_tag_rel', 'lead_id', 'tag_id', false,
  false, true),
 ('res.partner', 'category_id', 'many2many', 'res.partner.category',
  'res_partner_res_partner_category_rel', 'partner_id', 'category_id', false, false, true);
INSERT INTO ir_model_fields_selection (field_id, value, sequence)
SELECT f.id, v.value, v.sequence FROM ir_model_fields f JOIN (VALUES ('priority', '0', 0),
 ('priority', '1', 1), ('priority', '2', 2), ('priority', '3', 3), ('type', 'lead', 0),
 ('type', 'opportunity', 1)) v(name, value, sequence) ON v.name = f.name WHERE f.model = 'crm.lead';
"""


@contextmanager
def odoo_database() -> Iterator[str]:
    """The address of a fresh one, dropped afterwards."""
    params, name = connection.settings_dict, f"odoo_{uuid4().hex[:12]}"
    place = {"host": params["HOST"], "port": params["PORT"], "user": params["USER"],
             "password": params["PASSWORD"]}  # fmt: skip
    place = {key: value for key, value in place.items() if value}
    # Not beside the tests' own database: a database that is copied must have no visitors.
    with psycopg.connect(make_conninfo(**place, dbname="postgres"), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        dsn = make_conninfo(**place, dbname=name)
        try:
            with psycopg.connect(dsn) as fresh:
                fresh.execute(TABLES)
            yield dsn
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
