-- Judges a DruidIngestion before anything is submitted. Pure.
--
-- From the object alone: a list of { field =, message =, remedy = }, empty when it can be submitted. To add a
-- rule, append a function to `rules`; it gets the object (a plain table) and add(field, message, remedy).

local job = require "ingestion.job"
local tables = require "lib.tables"

local M = {}

local function has_cluster(object, add)
  if not tables.text(tables.dig(object.spec, "druidCluster")) then
    add("spec.druidCluster", "is missing", "name the Druid object of this namespace that does the work")
  end
end

local function has_work(object, add)
  if type(object.spec.ingestion) ~= "table" then
    add("spec.ingestion", "is missing", "give its type and nativeSpec")
  else
    job.check(object.spec.ingestion, add)
  end
end

local function has_sound_rules(object, add)
  for i, rule in ipairs(tables.dig(object.spec, "ingestion", "rules") or {}) do
    if type(rule) ~= "table" or not tables.text(rule.type) then
      add(string.format("spec.ingestion.rules[%d].type", i - 1), "is missing", "give it, such as loadForever")
    end
  end
end

local function has_credentials(object, add)
  local auth = object.spec.auth
  if auth and tables.text(auth.type) and not tables.text(tables.dig(auth, "secretRef", "name")) then
    add("spec.auth.secretRef.name", "is missing", "name the Secret with user and password")
  end
end

M.rules = { has_cluster, has_work, has_sound_rules, has_credentials }

function M.problems(object)
  local problems = {}
  local function add(field, message, remedy)
    problems[#problems + 1] = { field = field, message = message, remedy = remedy }
  end
  if type(object.spec) ~= "table" then
    add("spec", "is missing", "say which cluster does which work")
    return problems
  end
  for _, rule in ipairs(M.rules) do
    rule(object, add)
  end
  return problems
end

function M.sentence(problem)
  return problem.field .. " " .. problem.message .. "; " .. problem.remedy
end

return M
