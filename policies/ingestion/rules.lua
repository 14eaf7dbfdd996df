-- What single values of a DruidIngestion must be, beyond their type; see lib.rules. Pure.
--
-- What needs a look into the specification is in ingestion.job (M.check) alone.

local job = require "ingestion.job"
local lib = require "lib.rules"
local tables = require "lib.tables"

local M = {}

-- Is there something to read the specification from?
function M.has_specification(ingestion)
  return type(ingestion.nativeSpec) == "table" or tables.text(ingestion.spec) ~= nil
end

local kind = lib.one_of({ "spec/ingestion/type" }, tables.keys(job.kinds), "cannot be submitted")
kind.holds = function(self) return job.kinds[self] ~= nil end   -- an overlay may add to them

local streams = tables.keys(job.streams)
local function says_another_type(self)
  local said = type(self.nativeSpec) == "table" and self.nativeSpec.type
  return job.streams[self.type or ""] and type(said) == "string" and said ~= self.type
end

local cluster = lib.subdomain({ "spec/druidCluster" }, "is no name of a Druid object")
cluster.cel = cluster.cel:gsub("%?%$'", "$'")   -- the empty name is none
local may_be_empty = cluster.holds
cluster.holds = function(self) return self ~= "" and may_be_empty(self) end

M.rules = {
  cluster,
  kind,
  { at = { "spec/ingestion" }, type = "table", message = "has neither nativeSpec nor spec",
    remedy = "give the specification as an object in nativeSpec, or as text in spec",
    cel = "has(self.nativeSpec) || (has(self.spec) && self.spec != '')", holds = M.has_specification },
  { at = { "spec/ingestion" }, type = "table", message = "has a spec that is no JSON object",
    remedy = "give one object, such as {\"type\": \"index_parallel\", \"spec\": {...}}",
    cel = "!has(self.spec) || self.spec == '' || self.type == 'sql' || has(self.nativeSpec) || "
      .. "self.spec.matches('^[ \\\\t\\\\r\\\\n]*[{]')",
    holds = function(self)
      return not tables.text(self.spec) or self.type == "sql" or self.nativeSpec ~= nil
        or self.spec:find("^[ \t\r\n]*{") ~= nil
    end },
  { at = { "spec/ingestion" }, type = "table", message = "is of another type than its nativeSpec",
    remedy = "let both types say the same",
    cel = "!(self.type in ['" .. table.concat(streams, "', '") .. "']) || !has(self.nativeSpec) || "
      .. "!has(self.nativeSpec.type) || self.nativeSpec.type == self.type",
    holds = function(self) return not says_another_type(self) end },
  { at = { "spec/ingestion/rules/*" }, type = "table", message = "has no type",
    remedy = "give it, such as type: loadForever", cel = "has(self.type) && self.type != ''",
    holds = function(self) return self.type ~= nil and self.type ~= "" end },
  { at = { "spec/auth" }, type = "table", message = "names no Secret",
    remedy = "name the Secret with user and password in secretRef.name",
    cel = "!has(self.type) || self.type == '' || (has(self.secretRef) && has(self.secretRef.name) && self.secretRef.name != '')",
    holds = function(self)
      return not tables.text(self.type) or tables.text(tables.dig(self.secretRef, "name")) ~= nil
    end },
}

M.limits = {
  { at = { "spec/druidCluster" }, of = "maxLength", max = 253 },
  { at = { "spec/ingestion/rules" }, of = "maxItems", max = 1000 },
}

-- Calls add(field, message, remedy) for everything in a spec that breaks a rule.
function M.judge(spec, add)
  lib.judge(M, spec, add)
end

return M
