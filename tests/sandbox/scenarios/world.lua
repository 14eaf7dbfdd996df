-- What every scenario uses: the example cluster, waiting on the state of the world, and the operator as
-- a thing that can be killed. `setting` is put there by the runner: namespace, mode, example (YAML).
local setting = require "setting"

local M = { namespace = setting.namespace, mode = setting.mode, example = setting.example, patience = setting.patience,
  dies = setting.settles }   -- operators die at their writes, and what they have not said yet is never said

M.DRUID = { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid" }

function M.check(value, err)
  if value == nil or value == false then
    error(type(err) == "table" and (err.code .. ": " .. err.message) or err or "failed", 2)
  end
  return value
end

-- The example cluster under another name, in the scenario's namespace.
function M.cluster(name)
  local druid = yaml.decode(M.example)
  druid.metadata.namespace = M.namespace
  druid.metadata.name = name or "tiny"
  druid.spec.druidTimeout = "3s"   -- nothing answers in these pods, unless a scenario gives them a Druid
  return druid
end

function M.target(api_version, kind, name)
  return { apiVersion = api_version, kind = kind, namespace = M.namespace, name = name }
end

function M.druid(name)
  return M.target(M.DRUID.apiVersion, M.DRUID.kind, name or "tiny")
end

function M.read(api_version, kind, name)
  local object, err = kube.read(M.target(api_version, kind, name))
  if not object and err.code ~= "not_found" then error(err.code .. ": " .. err.message, 2) end
  return object
end

function M.list(api_version, kind, labels)
  return M.check(kube.read_list{ apiVersion = api_version, kind = kind, namespace = M.namespace, labels = labels })
end

-- The API server's revision, in virtual time; nil elsewhere.
local function revision()
  return M.mode == "virtual" and M.check(http.request{ method = "GET", url = "http://world/revision" }).body or nil
end

-- Until it is worth to look again: what the API server holds is the same while its revision is, and what else there
-- is (a Druid, time itself) is not that quick. Where many runs are compared at their ends (settles), looking seldom
-- saves most of the time. Gives how long it took.
local function pause(ctx, seen)
  local step_ms, max_ms = setting.settles and 250 or 50, 250
  for slept_ms = step_ms, max_ms, step_ms do
    ctx.sleep(step_ms)
    if seen == nil or slept_ms == max_ms or revision() ~= seen then return slept_ms end
  end
end

-- Polls until fn gives something true, which is returned; fails with `what` and fn's second answer.
-- A world with faults needs patience: a lost answer alone costs a minute.
function M.wait(ctx, what, seconds, fn)
  seconds = seconds * setting.patience
  local last, left_ms = nil, seconds * 1000
  while left_ms > 0 do
    local seen = revision()
    local value, why = fn()
    if value then return value end
    last = why or last
    left_ms = left_ms - pause(ctx, seen)
  end
  error("waited " .. seconds .. " s in vain: " .. what .. (last and " (" .. tostring(last) .. ")" or ""), 2)
end

function M.condition(object, kind)
  for _, condition in ipairs(object.status and object.status.conditions or {}) do
    if condition.type == kind then return condition end
  end
  return nil
end

function M.is_ready(name)
  local druid = M.read(M.DRUID.apiVersion, M.DRUID.kind, name or "tiny")
  if not druid then return false, "no such cluster" end
  local ready = M.condition(druid, "Ready")
  if not ready then return false, "no Ready condition" end
  if ready.status ~= "True" or druid.status.observedGeneration ~= druid.metadata.generation then
    return false, ready.reason .. ": " .. ready.message
  end
  return druid
end

-- Creates the example and waits until it is Ready.
function M.deploy(ctx, name, change)
  local druid = M.cluster(name)
  if change then change(druid) end
  M.check(ctx.create(druid))
  return M.wait(ctx, "the cluster is Ready", 120, function() return M.is_ready(name) end)
end

function M.groups(druid)
  local list = {}
  for key, group in pairs(druid.spec.nodes) do
    list[#list + 1] = { key = key, type = group.nodeType, name = "druid-" .. druid.metadata.name .. "-" .. key,
      replicas = group.replicas or 1 }
  end
  return list
end

function M.group_of(druid, node_type)
  for _, group in ipairs(M.groups(druid)) do
    if group.type == node_type then return group end
  end
  error("the example has no " .. node_type, 2)
end

local function rolled(set)
  local status = set.status or {}
  local wanted = set.spec.replicas or 1
  return status.observedGeneration == set.metadata.generation and (status.updatedReplicas or 0) == wanted
    and (status.readyReplicas or 0) == wanted and (status.replicas or 0) == wanted
end

-- The generation of a StatefulSet after its first update. One whose pods the operator replaces itself is
-- also held and let go.
function M.writes_of_update(set)
  local stepped = { historical = true, middleManager = true, indexer = true }
  return stepped[set.metadata.labels.component] and 4 or 2
end

-- Watches a rollout until the cluster is Ready at `generation`; gives the node types in the order in which
-- their StatefulSets began to change, and fails when two of them change at once.
function M.follow_rollout(ctx, druid, seconds)
  local names, before, order, seen = {}, {}, {}, {}
  for _, group in ipairs(M.groups(druid)) do names[group.name] = group.type end
  for _, set in ipairs(M.list("apps/v1", "StatefulSet")) do
    before[set.metadata.name] = json.encode(set.spec.template)
  end
  return function(change)
    change()
    M.wait(ctx, "the rollout is over", seconds or 300, function()
      local rolling = {}
      for _, set in ipairs(M.list("apps/v1", "StatefulSet")) do
        local name = set.metadata.name
        if names[name] and json.encode(set.spec.template) ~= before[name] then
          if not seen[name] then
            seen[name] = true
            order[#order + 1] = names[name]
          end
          if not rolled(set) then rolling[#rolling + 1] = name end
        end
      end
      if #rolling > 1 then error("two groups roll at once: " .. table.concat(rolling, ", ")) end
      return M.is_ready(druid.metadata.name)
    end)
    return order
  end
end

function M.equal(got, wanted, what)
  local a, b = json.encode(got), json.encode(wanted)
  if a ~= b then error((what or "values") .. " differ: got " .. a .. ", wanted " .. b, 2) end
end

function M.events(reason)
  local list = {}
  for _, api in ipairs{ "events.k8s.io/v1" } do
    for _, event in ipairs(M.list(api, "Event")) do
      if not reason or event.reason == reason then list[#list + 1] = event end
    end
  end
  return list
end

-- http://world/operator/kill, /operator/start, /operator/second … are answered by the runner.
function M.operator(what)
  local response = M.check(http.request{ method = "POST", url = "http://world/operator/" .. what })
  if response.status ~= 200 then error("operator " .. what .. ": " .. response.body, 2) end
  return response.body
end

-- A request to a pod or Service, as a user's client makes it: status and body (JSON as a table), or nil, err.
function M.ask(method, url, body)
  local response, err = http.request{ method = method, url = url, body = body and json.encode(body),
    headers = body and { ["Content-Type"] = "application/json" } or nil, timeout_ms = 10000 }
  if not response then return nil, err end
  return response.status, json.decode(response.body) or response.body
end

-- The model of Druid behind a cluster (policies/sandbox/druid): a subject of its ConfigMap.
function M.model(subject, name)
  local map = M.read("v1", "ConfigMap", (name or "tiny") .. "-druid-model")
  return map and map.data and map.data[subject] and yaml.decode(map.data[subject]) or {}
end

-- Makes it before its cluster, with settings of its own.
function M.make_model(ctx, settings)
  M.check(ctx.create{ apiVersion = "v1", kind = "ConfigMap", data = { settings = settings or "version: \"\"\n" },
    metadata = { namespace = M.namespace, name = "tiny-druid-model", labels = { druid_cr = "tiny" } } })
end

-- Overwrites a subject of it. value: a text, or what becomes YAML.
function M.write_model(ctx, subject, value, name)
  M.check(ctx.patch(M.target("v1", "ConfigMap", (name or "tiny") .. "-druid-model"),
    { data = { [subject] = type(value) == "string" and value or (yaml.encode(value)) } }))
end

-- Submits tasks, in one write: id = { type, seconds that it runs }. alone: those that are there vanish.
function M.submit(ctx, list, alone)
  local tasks = alone and {} or M.model("tasks")
  for id, task in pairs(list) do
    tasks[id] = { type = task[1], ds = "wiki", state = "PENDING", createdMs = clock.now_ms(), runMs = task[2] * 1000,
      payload = "{}" }
  end
  M.write_model(ctx, "tasks", tasks)
end

-- Waits until so many of the tasks are in that state.
function M.wait_for_tasks(ctx, state, count, seconds)
  M.wait(ctx, count .. " tasks are " .. state, seconds, function()
    return M.task_states()[state] == count, json.encode(M.task_states())
  end)
end

function M.task_states()
  local count = { PENDING = 0, RUNNING = 0, SUCCESS = 0, FAILED = 0 }
  for _, task in pairs(M.model("tasks")) do count[task.state] = count[task.state] + 1 end
  return count
end

-- Whether all segments are loaded, as often as they should be, and the Coordinator has seen it.
function M.all_loaded()
  local status = M.model("status")
  local short = 0
  for _, sources in pairs((status.snapshot or {}).full or {}) do
    for _, count in pairs(sources) do short = short + count end
  end
  return status.whole == true and status.unavailable == 0 and status.snapshot ~= nil and short == 0, json.encode(status)
end

-- The policies ConfigMap of a team, in the operator's namespace.
function M.overlay(name, files)
  local data = { ["bundle.lua"] = "return { api = 1 }\n" }
  for key, text in pairs(files) do data[key] = text end
  return {
    apiVersion = "v1", kind = "ConfigMap", data = data,
    metadata = { name = name, namespace = setting.policy_namespace, labels = { ["nemeton.dev/policies"] = "team" } },
  }
end

function M.overlay_target(name)
  return { apiVersion = "v1", kind = "ConfigMap", namespace = setting.policy_namespace, name = name }
end

-- Waits for the operator's word on a policy ConfigMap: the annotation "loaded" or "error".
function M.overlay_answer(ctx, name, annotation, seconds)
  return M.wait(ctx, "the annotation nemeton.dev/" .. annotation .. " on " .. name, seconds or 10, function()
    local map = kube.read(M.overlay_target(name))
    local annotations = map and map.metadata.annotations or {}
    return annotations["nemeton.dev/" .. annotation],
      annotations["nemeton.dev/error"] or annotations["nemeton.dev/loaded"]
  end)
end

return M
