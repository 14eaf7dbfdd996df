-- What single values of a Druid object must be, beyond their type; see lib.rules. Pure.
--
-- What needs more than one part of the object, or counts more than a server's budget allows, is in druid.check
-- alone. A rule that an overlay adds here is held by the policy; the server's copy is made with the release.

local groups = require "druid.groups"
local lib = require "lib.rules"
local names = require "lib.names"
local tables = require "lib.tables"

local M = {}

local between, duration, label, one_of, subdomain = lib.between, lib.duration, lib.label, lib.one_of, lib.subdomain

-- Both levels of a field.
local function both(field)
  return { "spec/" .. field, "spec/nodes/*/" .. field }
end

local function in_group(field)
  return { "spec/nodes/*/" .. field }
end

-- Numbers of a probe that may be left out or 0, which means Kubernetes' default.
local probe_numbers = { "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold" }
local probe_handlers = { "httpGet", "exec", "tcpSocket", "grpc" }

local function probe_places(purposes)
  local at = {}
  for _, purpose in ipairs(purposes) do
    for _, place in ipairs(both(purpose)) do
      at[#at + 1] = place
    end
  end
  return at
end

local function count_handlers(probe)
  local count = 0
  for _, name in ipairs(probe_handlers) do
    count = count + (probe[name] ~= nil and 1 or 0)
  end
  return count
end

local function is_zero(value)
  return value == 0 or value == "0%"
end

local node_type = one_of(in_group("nodeType"), tables.keys(groups.types), "is no Druid process")
node_type.holds = function(self) return groups.types[self] == true end   -- an overlay may add to them

M.rules = {
  { at = { "spec/nodes" }, type = "table", message = "has no node group",
    remedy = "add one, for example: brokers: { nodeType: broker, ... }",
    cel = "size(self) > 0", holds = function(self) return next(self) ~= nil end },
  one_of({ "spec/zookeeper/type", "spec/metadataStore/type", "spec/deepStorage/type" }, { "default" },
    "is not known"),
  one_of({ "spec/api/scheme" }, { "http", "https" }, "is no scheme of an address", true),
  node_type,
  one_of(in_group("kind"), { "StatefulSet", "Deployment" }, "is no kind of workload that runs Druid here", true),
  between(in_group("druid.port"), 1, 65535, "is no port", "use the port the process listens on, 1 to 65535"),
  between(in_group("replicas"), 0, 2147483647, "is no number of pods", "use 0 to 2147483647"),
  between(in_group("terminationGracePeriodSeconds"), 0, nil, "is less than nothing", "use 0 or more seconds"),
  one_of(both("podManagementPolicy"), { "Parallel", "OrderedReady" }, "is no pod management policy", true),
  one_of(both("updateStrategy/type"), { "RollingUpdate", "OnDelete" }, "is no update strategy of a StatefulSet", true),
  one_of(both("imagePullPolicy"), { "Always", "IfNotPresent", "Never" }, "is no pull policy", true),
  one_of(both("additionalContainer/*/imagePullPolicy"), { "Always", "IfNotPresent", "Never" },
    "is no pull policy", true),
  one_of(both("dnsPolicy"), { "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None" }, "is no DNS policy", true),
  one_of(both("services/*/spec/type"), { "ClusterIP", "NodePort", "LoadBalancer", "ExternalName" },
    "is no type of a Service", true),
  one_of({ "spec/rollback" }, { "manual", "auto" }, "is no way back", true),
  one_of(both("middleManagerDrainStrategy/strategy"), { "drain", "restore", "none" }, "is no way to empty a worker", true),
  one_of(both("middleManagerDrainStrategy/whenDeleted"), { "drain", "none" }, "is neither of the two", true),
  one_of(both("middleManagerDrainStrategy/onTimeout"), { "hold", "proceed" }, "is neither of the two", true),
  one_of(both("volumeRetention/whenDeleted"), { "Delete", "Retain" }, "is neither of the two", true),
  one_of(both("volumeRetention/whenScaled"), { "Retain", "Delete" }, "is neither of the two", true),
  duration({ "spec/druidTimeout" }),
  duration({ "spec/deletionDeadline" }),
  duration(both("progressDeadline")),
  duration(both("middleManagerDrainStrategy/drainTimeout")),
  duration(both("middleManagerDrainStrategy/podReadyTimeout")),
  duration(both("volumeRetention/after")),
  { at = both("image"), type = "string", message = "has a blank in it", remedy = "write it without blanks",
    cel = "!self.matches('[ \\\\t\\\\r\\\\n]')", holds = function(self) return not self:find("[ \t\r\n]") end },
  { at = both("additionalContainer/*/image"), type = "string", message = "is empty or has a blank in it",
    remedy = "name the container's image without blanks",
    cel = "self.matches('^[^ \\\\t\\\\r\\\\n]+$')", holds = function(self) return self:find("^[^ \t\r\n]+$") ~= nil end },
  { at = both("additionalContainer/*/containerName"), type = "string", message = "is no name for a container",
    remedy = "use lower-case letters, digits and dashes", cel = "self.matches('^" .. label .. "$')",
    holds = function(self) return names.is_dns_label(self) end },
  subdomain(both("priorityClassName"), "is no name of a priority class"),
  subdomain({ "spec/serviceAccount", "spec/nodes/*/serviceAccountName" }, "is no name of a service account"),

  { at = in_group("hpAutoscaler"), type = "table", message = "has no maxReplicas, or one below 1",
    remedy = "set maxReplicas to the most pods it may make", cel = "has(self.maxReplicas) && self.maxReplicas >= 1",
    holds = function(self) return self.maxReplicas ~= nil and self.maxReplicas >= 1 end },
  { at = in_group("hpAutoscaler"), type = "table", message = "has a minReplicas below 0 or above maxReplicas",
    remedy = "set minReplicas to at most maxReplicas",
    cel = "!has(self.minReplicas) || self.minReplicas >= 0 && (!has(self.maxReplicas) || self.minReplicas <= self.maxReplicas)",
    holds = function(self)
      return self.minReplicas == nil
        or self.minReplicas >= 0 and (self.maxReplicas == nil or self.minReplicas <= self.maxReplicas)
    end },
  { at = in_group("podDisruptionBudgetSpec"), type = "table", message = "has both minAvailable and maxUnavailable",
    remedy = "keep one of them", cel = "!(has(self.minAvailable) && has(self.maxUnavailable))",
    holds = function(self) return self.minAvailable == nil or self.maxUnavailable == nil end },
  { at = { "spec/nodes/*" }, type = "table", message = "is a Deployment whose maxSurge and maxUnavailable are both 0",
    remedy = "raise one of them, or no pod can ever be replaced",
    cel = "!has(self.kind) || self.kind != 'Deployment' || !has(self.maxSurge) || !has(self.maxUnavailable) || "
      .. "!(self.maxSurge == 0 || self.maxSurge == '0%') || !(self.maxUnavailable == 0 || self.maxUnavailable == '0%')",
    holds = function(self)
      return self.kind ~= "Deployment" or not (is_zero(self.maxSurge) and is_zero(self.maxUnavailable))
    end },

  { at = probe_places({ "livenessProbe", "readinessProbe", "startUpProbe" }), type = "table",
    message = "asks in more than one way", remedy = "keep one of httpGet, exec, tcpSocket and grpc",
    cel = "[has(self.httpGet), has(self.exec), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() <= 1",
    holds = function(self) return count_handlers(self) <= 1 end },
  { at = probe_places({ "livenessProbe", "startUpProbe" }), type = "table",
    message = "has a successThreshold other than 1", remedy = "leave it out: only a readiness probe can have another",
    cel = "!has(self.successThreshold) || self.successThreshold == 0 || self.successThreshold == 1",
    holds = function(self)
      local value = self.successThreshold
      return value == nil or value == 0 or value == 1
    end },
}

for _, number in ipairs(probe_numbers) do
  local at = probe_places({ "livenessProbe/" .. number, "readinessProbe/" .. number, "startUpProbe/" .. number })
  M.rules[#M.rules + 1] = between(at, 0, nil, "is less than nothing", "use 1 or more, or leave it out")
end

-- No cluster comes near them.
M.limits = {
  { at = { "spec/nodes" }, of = "maxProperties", max = 320 },
  { at = both("services"), of = "maxItems", max = 32 },
  { at = both("additionalContainer"), of = "maxItems", max = 32 },
  { at = both("image"), of = "maxLength", max = 512 },
  { at = both("additionalContainer/*/image"), of = "maxLength", max = 512 },
  { at = both("additionalContainer/*/containerName"), of = "maxLength", max = 63 },
  { at = both("priorityClassName"), of = "maxLength", max = 253 },
  { at = { "spec/serviceAccount", "spec/nodes/*/serviceAccountName" }, of = "maxLength", max = 253 },
}

lib.limit_durations(M.rules, M.limits)

-- Calls add(field, message, remedy) for everything in a spec that breaks a rule.
function M.judge(spec, add)
  lib.judge(M, spec, add)
end

return M
