-- Advises on what can be deployed and will hurt later: `nemeton check` says it, nothing is refused for it. Pure.
--
-- From the object alone: a list of { field =, message =, remedy =, advice = true }. To add one, append a function to
-- `rules`.

local address = require "druid.client.address"
local middlemanager = require "druid.middlemanager"
local probes = require "druid.render.probes"
local restoring = require "druid.rollout.restoring"
local tables = require "lib.tables"
local volumes = require "druid.volumes"

local M = {}

-- Processes that call others by their host names.
M.callers = { broker = true, router = true, coordinator = true, overlord = true }

local function options_of(cluster, group)
  return (tables.text(group.node["jvm.options"], cluster.spec["jvm.options"]) or "") .. "\n"
    .. (group.node["extra.jvm.options"] or "")
end

local function announces_addresses(cluster)
  for _, variable in ipairs(cluster.spec.env or {}) do
    if variable.name == "DRUID_SET_HOST_IP" and variable.value == "1" then
      return true
    end
  end
  return false
end

-- A pod that was replaced has another address under its old name, and the JVM remembers the old one for 30 s.
local function forgets_addresses(cluster, add)
  if announces_addresses(cluster) then
    return
  end
  for _, group in ipairs(cluster.groups) do
    local options = options_of(cluster, group)
    if M.callers[group.type or ""] and not options:find("-Dsun.net.inetaddr.ttl=", 1, true) then
      local moot = options:find("-Dnetworkaddress.cache", 1, true)
        and "; -Dnetworkaddress.cache.ttl has no effect, for it is no system property" or ""
      add("spec.jvm.options", string.format("the JVM of nodes.%s keeps the addresses of replaced pods for 30 seconds, in "
        .. "which queries to them may fail%s", group.key, moot),
        "add -Dsun.net.inetaddr.ttl=2 and -Dsun.net.inetaddr.negative.ttl=0")
      return
    end
  end
end

local function is_probed_without_tls(cluster, group)
  for _, purpose in ipairs { "liveness", "readiness", "startup" } do
    local get = tables.dig(probes.probe(cluster, group, purpose), "httpGet")
    if get and get.scheme ~= "HTTPS" then
      return true
    end
  end
  return false
end

-- Kubernetes asks over HTTP unless a probe says HTTPS, and there nobody answers: such a pod never becomes ready.
local function probes_without_tls(cluster, add)
  local keys = {}
  for _, group in ipairs(cluster.groups) do
    local is_tls_only = address.property(cluster, group, "druid.enablePlaintextPort") == "false"
    if is_tls_only and is_probed_without_tls(cluster, group) then
      keys[#keys + 1] = group.key
    end
  end
  if #keys > 0 then
    add("spec.nodes." .. keys[1], string.format("TLS is all that is served by %s (druid.enablePlaintextPort=false), but "
      .. "the probes ask over HTTP, so that no pod becomes ready", table.concat(keys, ", ")),
      "write livenessProbe, readinessProbe and startUpProbe with scheme: HTTPS and the port of druid.tlsPort, or {} for none")
  end
end

local function retention_without_effect(cluster, add)
  local words, remedy, field = volumes.without_effect(cluster)
  if words then
    add(field, words, remedy)
  end
end

-- Workers whose tasks are to be restored, and are not, or nobody knows.
local function restores_nothing(cluster, add)
  for _, group in ipairs(cluster.groups) do
    if middlemanager.types[group.type or ""] and middlemanager.config(cluster, group).strategy == "restore" then
      local lacks, doubts = restoring.judge(cluster, group)
      if lacks or doubts then
        add("spec.nodes." .. group.key .. ".middleManagerDrainStrategy", lacks or doubts,
          (lacks and "give what is missing" or "make sure of it") .. ", or write strategy: drain")
      end
    end
  end
end

M.rules = { forgets_addresses, probes_without_tls, retention_without_effect, restores_nothing }

function M.of(cluster)
  local list = {}
  for _, rule in ipairs(M.rules) do
    rule(cluster, function(field, message, remedy)
      list[#list + 1] = { field = field, message = message, remedy = remedy, advice = true }
    end)
  end
  return list
end

return M
