-- Reads the credentials and the certificate authority for a cluster's API, live, at the time of use.
--
-- spec.auth names a Secret with a user and a password, spec.api.ca a Secret or ConfigMap with a
-- certificate. They are in the namespace of the object that names them. A Secret of another namespace has
-- to allow it by the annotation below: otherwise whoever may write a Druid object could have the operator
-- send any Secret of the Kubernetes cluster to a host of his choice.

local tables = require "lib.tables"

local M = {}

M.allowed = "nemeton.dev/readable-from"   -- annotation of a Secret: namespaces, separated by commas
M.user_key, M.password_key, M.ca_key = "OperatorUserName", "OperatorPassword", "ca.crt"

local function is_allowed(object, namespace)
  local list = tables.dig(object.metadata, "annotations", M.allowed) or ""
  for name in list:gmatch("[^,%s]+") do
    if name == namespace then
      return true
    end
  end
  return false
end

-- An object that another one names; field: where. Gives it, or nil, err.
local function read(kube, kind, reference, namespace, field)
  local name = tables.text(reference.name)
  local from = tables.text(reference.namespace) or namespace
  if not name then
    return nil, { code = "invalid", message = field .. ".name is missing" }
  end
  local object, err = kube.read({ apiVersion = "v1", kind = kind, namespace = from, name = name })
  if not object then
    return nil, { code = err.code == "not_found" and "no_credentials" or err.code,
      message = string.format("%s: %s %s/%s cannot be read: %s", field, kind, from, name, err.message) }
  end
  if from ~= namespace and not is_allowed(object, namespace) then
    return nil, { code = "no_credentials", message = string.format(
      "%s: %s %s/%s is of another namespace; annotate it with %s: \"%s\" to allow this, or copy it", field,
      kind, from, name, M.allowed, namespace) }
  end
  return object
end

local function decoded(secret, key)
  local value = tables.dig(secret, "data", key)
  return value and digest.base64_decode(value)
end

-- The Authorization header for an auth block, or nil when there is none; nil, err when it cannot be had.
function M.header(kube, auth, namespace, field)
  field = field or "spec.auth"
  if auth == nil or tables.dig(auth, "secretRef", "name") == nil and auth.type == nil then
    return nil   -- `auth: {}` is what the former operator wrote for none
  end
  local secret, err = read(kube, "Secret", auth.secretRef or {}, namespace, field .. ".secretRef")
  if not secret then
    return nil, err
  end
  local user_key = tables.text(auth.usernameKey) or M.user_key
  local password_key = tables.text(auth.passwordKey) or M.password_key
  local user, password = decoded(secret, user_key), decoded(secret, password_key)
  if not user or not password then
    return nil, { code = "no_credentials", message = string.format("%s: Secret %s has no key %s", field,
      secret.metadata.name, user and password_key or user_key) }
  end
  return "Basic " .. digest.base64(user .. ":" .. password)
end

-- The certificate authority of spec.api.ca as PEM text, or nil for the system's; nil, err.
function M.authority(kube, cluster)
  local ca = tables.dig(cluster.spec.api, "ca")
  if ca == nil then
    return nil
  end
  local is_secret = ca.secretRef ~= nil
  local field = "spec.api.ca." .. (is_secret and "secretRef" or "configMapRef")
  local reference = ca.secretRef or ca.configMapRef or {}
  local object, err = read(kube, is_secret and "Secret" or "ConfigMap", reference, cluster.namespace, field)
  if not object then
    return nil, err
  end
  local key = tables.text(reference.key) or M.ca_key
  local text = is_secret and decoded(object, key) or not is_secret and tables.dig(object, "data", key)
  if not text then
    return nil, { code = "no_credentials", message = string.format("%s: it has no key %s", field, key) }
  end
  return text
end

return M
