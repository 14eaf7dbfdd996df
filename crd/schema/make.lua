-- Makes a CustomResourceDefinition, as YAML, of a description in this folder. See deploy/make-crd.
--
-- With rules, the API server gets them too, as x-kubernetes-validations (Kubernetes 1.25 and later).

local rules_of = require "lib.rules"

local M = {}

-- A YAML mapping in the order given: a list of { key, value }; a value is a text, number, boolean,
-- a mapping, or { list = { values } }.

local function scalar(value)
  if type(value) ~= "string" then
    return tostring(value)
  end
  if value:find("^[%a/][%w%._/%-]*$") and not value:find("^[yYnN]$") and value ~= "true" and value ~= "false" then
    return value
  end
  return '"' .. value:gsub('[\\"]', "\\%0") .. '"'
end

local print_value

local function print_mapping(pairs_list, indent, out)
  for i, pair in ipairs(pairs_list) do
    out[#out + 1] = (i == 1 and "" or string.rep(" ", indent)) .. scalar(pair[1]) .. ":"
    print_value(pair[2], indent, out)
  end
end

function print_value(value, indent, out)
  if type(value) ~= "table" then
    out[#out] = out[#out] .. " " .. scalar(value)
  elseif value.list then
    local texts = {}
    for i, item in ipairs(value.list) do
      texts[i] = type(item) ~= "table" and scalar(item) or nil
    end
    if #texts == #value.list then
      out[#out] = out[#out] .. " [" .. table.concat(texts, ", ") .. "]"
      return
    end
    for _, item in ipairs(value.list) do
      local from = #out + 1
      print_mapping(item, indent + 4, out)
      out[from] = string.rep(" ", indent + 2) .. "- " .. out[from]
    end
  elseif #value == 0 then
    out[#out] = out[#out] .. " {}"
  else
    local from = #out + 1
    print_mapping(value, indent + 2, out)
    out[from] = string.rep(" ", indent + 2) .. out[from]
  end
end

function M.yaml(mapping)
  local out = {}
  print_mapping(mapping, 0, out)
  return table.concat(out, "\n") .. "\n"
end

-- Schemas ------------------------------------------------------------------------------------------

local simple = {
  text = { { "type", "string" } },
  boolean = { { "type", "boolean" } },
  int32 = { { "type", "integer" }, { "format", "int32" } },
  int64 = { { "type", "integer" }, { "format", "int64" } },
  time = { { "type", "string" }, { "format", "date-time" } },
  object = { { "type", "object" }, { "x-kubernetes-preserve-unknown-fields", true } },
  anything = { { "x-kubernetes-preserve-unknown-fields", true } },
  ["number-or-text"] = { { "x-kubernetes-int-or-string", true } },
}

local function extend(first, second)
  for _, pair in ipairs(second) do
    first[#first + 1] = pair
  end
  return first
end

local Maker = {}
Maker.__index = Maker

-- What the rules add at a place ("spec/nodes/*/kind"): limits and validations.
function Maker:rules_at(path)
  local made = {}
  for _, limit in ipairs(self.rules and rules_of.at(self.rules.limits, path) or {}) do
    made[#made + 1] = { limit.of, limit.max }
  end
  local list = {}
  for _, rule in ipairs(self.rules and rules_of.at(self.rules.rules, path) or {}) do
    if rule.cel then
      list[#list + 1] = { { "rule", rule.cel }, { "message", rule.message .. "; " .. rule.remedy } }
    end
  end
  if #list > 0 then
    made[#made + 1] = { "x-kubernetes-validations", { list = list } }
  end
  return made
end

function Maker:fields(shape, path)
  local properties = {}
  for _, field in ipairs(shape.fields or {}) do
    local name, what, about = field[1], field[2], field[3]
    if self.described and not about then
      error(path .. "/" .. name .. " has no description")
    end
    local schema = about and { { "description", about } } or {}
    extend(schema, self:type(what, path .. "/" .. name))
    for _, key in ipairs({ "minimum", "default" }) do
      if field[key] ~= nil then
        schema[#schema + 1] = { key, field[key] }
      end
    end
    properties[#properties + 1] = { name, schema }
  end
  return properties
end

function Maker:object(shape, path)
  local before = self.described
  self.described = not shape.open and before
  local schema = { { "type", "object" } }
  if shape.about then
    table.insert(schema, 1, { "description", shape.about })
  end
  if shape.required then
    schema[#schema + 1] = { "required", { list = shape.required } }
  end
  if shape.open then
    schema[#schema + 1] = { "x-kubernetes-preserve-unknown-fields", true }
  end
  local properties = self:fields(shape, path)
  if #properties > 0 then
    schema[#schema + 1] = { "properties", properties }
  end
  self.described = before
  return schema
end

-- The schema of a type, without its description.
function Maker:type(what, path)
  if type(what) == "string" then
    local item = what:match("^%[(.*)%]$")
    local value = what:match("^{(.*)}$")
    if item then
      local items = self:type(item, path .. "/*")
      return extend({ { "type", "array" }, { "items", items } }, self:rules_at(path))
    elseif value then
      local values = self:type(value, path .. "/*")
      return extend({ { "type", "object" }, { "additionalProperties", values } }, self:rules_at(path))
    elseif simple[what] then
      return extend(extend({}, simple[what]), self:rules_at(path))
    end
    what = self.types[what] or error(path .. ": there is no type " .. what)
  end
  if what.list then
    local schema = { { "type", "array" } }
    if what.key then
      extend(schema, { { "x-kubernetes-list-type", "map" }, { "x-kubernetes-list-map-keys", { list = { what.key } } } })
    end
    local items = extend(self:object(what, path .. "/*"), self:rules_at(path .. "/*"))
    return extend(extend(schema, { { "items", items } }), self:rules_at(path))
  elseif what.map then
    local values = extend(self:object(what, path .. "/*"), self:rules_at(path .. "/*"))
    return extend({ { "type", "object" }, { "additionalProperties", values } }, self:rules_at(path))
  end
  return extend(self:object(what, path), self:rules_at(path))
end

local function columns(description)
  local list = {}
  for i, column in ipairs(description.columns) do
    list[i] = { { "name", column[1] }, { "type", column[2] }, { "jsonPath", column[3] } }
  end
  return { list = list }
end

local about_version = "Version of the API that this object is written in."
local about_kind = "The kind of the object."

-- rules: what policies say about values, or nil.
function M.definition(description, rules)
  local maker = setmetatable({ types = description.types, rules = rules, described = true }, Maker)
  local lower = description.kind:lower()
  local names = { { "kind", description.kind }, { "listKind", description.kind .. "List" },
    { "plural", description.plural }, { "singular", lower } }
  if description.short then
    names[#names + 1] = { "shortNames", { list = { description.short } } }
  end
  local schema = { { "description", description.about }, { "type", "object" },
    { "required", { list = { "spec" } } },
    { "properties", {
      { "apiVersion", { { "description", about_version }, { "type", "string" } } },
      { "kind", { { "description", about_kind }, { "type", "string" } } },
      { "metadata", { { "type", "object" } } },
      { "spec", maker:type(description.spec, "spec") },
      { "status", maker:type(description.status, "status") },
    } } }
  local version = { { "name", "v1alpha1" }, { "served", true }, { "storage", true },
    { "subresources", { { "status", {} } } },
    { "additionalPrinterColumns", columns(description) },
    { "schema", { { "openAPIV3Schema", schema } } } }
  return {
    { "apiVersion", "apiextensions.k8s.io/v1" }, { "kind", "CustomResourceDefinition" },
    { "metadata", { { "name", description.plural .. ".druid.apache.org" } } },
    { "spec", { { "group", "druid.apache.org" }, { "scope", "Namespaced" }, { "names", names },
      { "versions", { list = { version } } } } },
  }
end

-- Every field below a type, as "spec/nodes/*/image": for tests that ask whether each one is covered.
function M.paths(description, shape, path, list)
  for _, field in ipairs(shape.fields or {}) do
    local here = path .. "/" .. field[1]
    list[#list + 1] = here
    local what = field[2]
    if type(what) == "table" and what.map then
      M.paths(description, what, here .. "/*", list)
    end
  end
  return list
end

return M
