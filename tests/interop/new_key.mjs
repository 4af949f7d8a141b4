// A new key pair for private_key_jwt, in JSON: node new_key.mjs ES256|RS256
import { generateKeyPairSync, randomUUID } from 'node:crypto'

const alg = process.argv[2]
const { privateKey, publicKey } =
  alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 })
const about = { kid: randomUUID(), alg, use: 'sig' }
console.log(JSON.stringify({
  kid: about.kid,
  private: { ...privateKey.export({ format: 'jwk' }), ...about },
  public: { ...publicKey.export({ format: 'jwk' }), ...about },
  private_pem: privateKey.export({ format: 'pem', type: 'pkcs8' }),
  public_pem: publicKey.export({ format: 'pem', type: 'spki' }),
}))
