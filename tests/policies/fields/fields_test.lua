-- Tries the rows of shared.lua and single.lua.

local check = require "druid.check"
local groups = require "druid.groups"
local problems_of = require "lib.problems"
local render = require "druid.render"
local shared = require "shared"
local single = require "single"

local base = [[
apiVersion: druid.apache.org/v1alpha1
kind: Druid
metadata: {name: demo, namespace: ns, uid: cr}
spec:
  image: druid:30.0.0
  common.runtime.properties: ""
  nodes:
    hot: {nodeType: historical, druid.port: 8083, runtime.properties: "", nodeConfigMountPath: /hot, replicas: 1}
]]

local function put(into, text)
  for key, value in pairs(text and yaml.decode(text) or {}) do
    if value == json.null then
      value = nil
    end
    into[key] = value
  end
end

local function object(kind, cluster, group)
  local druid = yaml.decode(base)
  druid.spec.nodes.hot.kind = kind
  put(druid.spec.nodes.hot, group)
  put(druid.spec, cluster)
  return druid
end

local extras = { PodDisruptionBudget = "budget", Ingress = "ingress", HorizontalPodAutoscaler = "autoscaler" }

-- What came out, by the names that the rows use.
local function made_of(druid, extra)
  local cluster = groups.cluster(druid)
  local wanted = render.cluster(cluster, extra)
  local part = wanted.groups[1]
  local workload = render.workload(cluster, part, render.config_sha(wanted, part))
  local made = {
    common = wanted.common.data, config = part.config.data, services = json.array(part.services), service = part.services[1],
    claims = json.array(part.claims), workload = workload, template = workload.spec.template, pod = workload.spec.template.spec,
    main = workload.spec.template.spec.containers[1],
  }
  for _, one in ipairs(part.extras) do
    made[extras[one.kind]] = one
  end
  -- As it goes to the server: what cannot be encoded raises.
  return json.decode(json.encode(made))
end

local function at(made, place)
  local value = made
  for step in place:gmatch("[^/]+") do
    if value == nil then
      return nil
    end
    value = value[math.tointeger(tonumber(step)) or step]
  end
  return value
end

local function is_empty(value)
  return value == nil or (type(value) == "table" and next(value) == nil)
end

-- The entries in the middle of a list.
local function middle(list, first, last)
  local part = {}
  for i = 1 + first, #(list or {}) - last do
    part[#part + 1] = list[i]
  end
  return part
end

-- `got` without what is always there.
local function own(row, got)
  if row.first or row.last then
    return middle(got, row.first or 0, row.last or 0)
  end
  return got
end

-- Everything in `wanted` is in `got` too; maps may have more.
local function compare(t, got, wanted, text)
  if type(wanted) ~= "table" or #wanted > 0 or type(got) ~= "table" then
    if type(wanted) == "table" and type(got) == "table" and #got == #wanted then
      for i, value in ipairs(wanted) do
        compare(t, got[i], value, text .. "/" .. i)
      end
      return
    end
    t.equal(got, wanted, text)
    return
  end
  for key, value in pairs(wanted) do
    compare(t, got[key], value, text .. "/" .. key)
  end
end

local function join(first, second, rule)
  local all = {}
  if rule == "add" then
    for _, list in ipairs({ first, second }) do
      for _, value in ipairs(list) do
        all[#all + 1] = value
      end
    end
    return all
  end
  for _, map in ipairs({ first, second }) do
    for key, value in pairs(map) do
      all[key] = value
    end
  end
  return all
end

local function line(field, value)
  return json.encode({ [field] = yaml.decode(value) })
end

local function try_shared(t, row, kind)
  local field, rule, where, cluster, group = table.unpack(row)
  local services = where:find("^service/") and "{services: [{}]}"
  local function got(cluster_text, group_text)
    local druid = object(kind, cluster_text, group_text)
    put(druid.spec, services)
    local problems = check.problems(druid)
    t.equal(#problems, 0, problems[1] and problems_of.sentence(problems[1]))
    return own(row, at(made_of(druid), where))
  end
  local a, b = yaml.decode(cluster), yaml.decode(group)
  local out_a, out_b = a, b
  if row.made then
    out_a, out_b = yaml.decode(row.made[1]), yaml.decode(row.made[2])
    if type(out_a) == "string" then
      out_a, out_b = row.made[1], row.made[2]
    end
  end
  compare(t, got(line(field, cluster)), out_a, where .. " of the cluster")
  compare(t, got(nil, line(field, group)), out_b, where .. " of the group")
  local both = got(line(field, cluster), line(field, group))
  if rule == "replace" or rule == "prefer" then
    compare(t, both, out_b, where .. " of both")
  else
    compare(t, both, join(out_a, out_b, rule), where .. " of both")
  end
  local nothing = type(a) == "table" and (#a > 0 and json.array({}) or json.object({})) or ""
  local empty = got(line(field, cluster), json.encode({ [field] = nothing }))
  if rule == "replace" then
    t.ok(is_empty(empty), where .. ": an empty one of the group does not replace the cluster's")
  else
    compare(t, empty, out_a, where .. " beside an empty one")
  end
end

local function try_single(t, row, kind)
  local druid, extra = object(kind, row.cluster, row.group), {}
  for i, text in ipairs(row.extra or {}) do
    extra[i] = yaml.decode(text)
  end
  local made = made_of(druid, extra)
  for place, text in pairs(row.makes) do
    local got = at(made, place)
    if text == false then
      t.ok(is_empty(got), place .. ": there is something, and nothing was expected")
    else
      t.equal(got, yaml.decode(text), place)
    end
  end
end

local cases = {}

local function add(row, name, try)
  for _, kind in ipairs({ "StatefulSet", "Deployment" }) do
    if row.only == nil or row.only == kind then
      local full = name .. ", " .. kind
      assert(cases[full] == nil, "two rows are called " .. full)
      cases[full] = function(t)
        try(t, row, kind)
      end
    end
  end
end

for _, row in ipairs(shared) do
  add(row, string.format("%s: %s, in %s", row[1], row[2], row[3]), try_shared)
end
for _, row in ipairs(single) do
  add(row, row[1] .. ": " .. row[2], try_single)
end

return cases
