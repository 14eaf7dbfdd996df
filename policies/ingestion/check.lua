-- Judges a DruidIngestion before anything is submitted. Pure.
--
-- From the object alone: a list of { field =, message =, remedy = }, empty when it can be submitted. To add a
-- rule, append a function to `rules`; it gets the object (a plain table) and add(field, message, remedy).

local job = require "ingestion.job"
local names = require "lib.names"
local problems_of = require "lib.problems"
local rules = require "ingestion.rules"
local tables = require "lib.tables"

local M = {}

local function has_name(object, add)
  local name = tables.dig(object, "metadata", "name")
  if name ~= nil and not names.is_subdomain(name) then
    add("metadata.name", "\"" .. names.cut(tostring(name), 80) .. "\" is no name of an object",
      "use at most 253 lower-case letters, digits, dashes and dots")
  end
end

local function has_cluster(object, add)
  if object.spec.druidCluster == nil then
    add("spec.druidCluster", "is missing", "name the Druid object of this namespace that does the work")
  end
end

local function has_work(object, add)
  local work, sound = object.spec.ingestion, true
  rules.judge(object.spec, function(...)
    sound = false
    add(...)
  end)
  if type(work) ~= "table" then
    add("spec.ingestion", "is missing", "give its type and nativeSpec")
  elseif work.type == nil then
    add("spec.ingestion.type", "is missing", "use one of " .. table.concat(tables.keys(job.kinds), ", "))
  elseif sound then
    job.check(work, add)
  end
end

M.rules = { has_name, has_cluster, has_work }

function M.problems(object)
  local problems, add = problems_of.list()
  if not problems_of.is_whole(object, add) then
    return problems
  elseif type(object.spec) ~= "table" then
    add("spec", "is missing", "say which cluster does which work")
    return problems
  end
  for _, rule in ipairs(M.rules) do
    rule(object, add)
  end
  return problems
end

return M
