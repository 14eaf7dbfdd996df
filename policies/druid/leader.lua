-- Asks a running cluster which Druid version it has. Used only when the image tag does not say.
--
-- GET /druid/coordinator/v1/leader on the Coordinators' Service, then /status on the leader it names.
-- No answer is no error: the order of the rollout is then that of an upgrade, and the status says so.

local properties = require "lib.properties"
local tables = require "lib.tables"

local M = {}

M.timeout_ms = 2000

-- The address of the Coordinators' first Service, or nil.
function M.address(cluster, parts)
  for _, part in ipairs(parts) do
    local service = part.services[1]
    if part.group.type == "coordinator" and service then
      local common = cluster.spec["common.runtime.properties"]
      local own = part.group.node["runtime.properties"]
      local plain = properties.get(own, "druid.enablePlaintextPort")
        or properties.get(common, "druid.enablePlaintextPort")
      local scheme = plain == "false" and "https" or "http"
      return string.format("%s://%s.%s:%d", scheme, service.metadata.name, cluster.namespace,
        service.spec.ports[1].port)
    end
  end
  return nil
end

local function get(http_door, url)
  local answer = http_door.request({ method = "GET", url = url, timeout_ms = M.timeout_ms })
  return answer and answer.status == 200 and answer.body or nil
end

-- The version text ("33.0.0"), or nil.
function M.version(http_door, cluster, parts)
  local address = M.address(cluster, parts)
  local leader = address and get(http_door, address .. "/druid/coordinator/v1/leader")
  local url = leader and leader:match("^%s*(https?://[%w%.:%-%[%]]+)%s*$")
  local body = url and get(http_door, url .. "/status")
  if not body then
    return nil
  end
  local ok, status = pcall(cjson.decode, body)
  return ok and type(status) == "table" and tables.text(status.version) or nil
end

return M
