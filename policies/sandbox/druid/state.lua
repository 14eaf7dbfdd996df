-- What the model of a cluster remembers: a ConfigMap, <cluster>-druid-model, one key a subject, in YAML.
--
-- Nothing is kept in memory: whoever edits the ConfigMap changes the model. Changes are made on a copy and
-- written with the resourceVersion they are based on, again and again until nobody else was faster.

local settings = require "druid.settings"

local M = {}

M.TRIES = 10
M.SUBJECTS = { "historicals", "tasks", "workers", "supervisors", "dynamic", "status" }

function M.name(cluster)
  return cluster .. "-druid-model"
end

local decoded = {} -- subject = { text, settings read from it }: saves the reading where nothing changed

local function cached(subject, text, read)
  local entry = decoded[subject]
  if not entry or entry.text ~= text then
    entry = { text = text, value = read(text) }
    decoded[subject] = entry
  end
  return entry.value
end

-- The subjects of a ConfigMap (or of none yet), as plain tables that may be changed.
function M.of(map)
  local data = map and map.data or {}
  local state = {
    settings = cached("settings", data.settings or "", settings.read),
    faults = cached("faults", data.faults or "", settings.read_faults),
  }
  for _, subject in ipairs(M.SUBJECTS) do
    local value, err = nil, nil
    if data[subject] then value, err = yaml.decode(data[subject]) end
    if err then error(subject .. ": " .. err.message, 0) end
    state[subject] = type(value) == "table" and value or json.object{}
  end
  return state
end

function M.cached(door, namespace, cluster)
  return door.get{ apiVersion = "v1", kind = "ConfigMap", namespace = namespace, name = M.name(cluster) }
end

local function text_of(value)
    return (yaml.encode(value))
end

-- The data of a state. What is for people stays as they wrote it.
function M.data(state, old)
  local data = { settings = old and old.settings or settings.text, faults = old and old.faults or settings.faults_text }
  for _, subject in ipairs(M.SUBJECTS) do data[subject] = text_of(state[subject]) end
  return data
end

local function map_of(namespace, cluster, owner, data)
  local map = { apiVersion = "v1", kind = "ConfigMap", data = data,
    metadata = { namespace = namespace, name = M.name(cluster), labels = { druid_cr = cluster } } }
  if owner then
    map.metadata.ownerReferences = { { apiVersion = owner.apiVersion, kind = owner.kind, controller = true,
      name = owner.metadata.name, uid = owner.metadata.uid } }
  end
  return map
end

local function write(ctx, door, namespace, cluster, map, state)
  local data = M.data(state, map and map.data)
  if map then
    local changed, patch = false, {}
    for key, text in pairs(data) do
      if map.data == nil or map.data[key] ~= text then changed, patch[key] = true, text end
    end
    if not changed then return map end
    return ctx.patch(map, { data = patch, metadata = { resourceVersion = map.metadata.resourceVersion } })
  end
  local owner = door.get{ apiVersion = "druid.apache.org/v1alpha1", kind = "Druid", namespace = namespace,
    name = cluster }
  return ctx.create(map_of(namespace, cluster, owner, data))
end

-- change(state) changes the copy and gives what the caller wants; written when anything differs. Gives
-- that, or nil, err.
function M.change(ctx, door, namespace, cluster, change)
  local map = M.cached(door, namespace, cluster)
  local last
  for _ = 1, M.TRIES do
    local state = M.of(map)
    local result = change(state)
    local written, err = write(ctx, door, namespace, cluster, map, state)
    if written then return result end
    if err.code ~= "conflict" and err.code ~= "exists" then return nil, err end
    last = err
    map = door.read{ apiVersion = "v1", kind = "ConfigMap", namespace = namespace, name = M.name(cluster) }
  end
  return nil, last
end

return M
