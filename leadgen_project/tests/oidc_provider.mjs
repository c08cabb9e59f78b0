// The certified provider of the sign-in tests: node oidc_provider.mjs PORT PEOPLE.json
// People and their claims are read from the file at each sign-in, so that a test can change them.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [port, people] = process.argv.slice(2);
const find = createRequire(`${process.env.OIDC_PROVIDER_HOME}/package.json`);
const { Provider } = await import(pathToFileURL(find.resolve('oidc-provider')).href);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'leadgen',
    client_secret: 's3cret-s3cret-s3cret-s3cret',
    redirect_uris: ['http://127.0.0.1/oidc/callback/'],
    post_logout_redirect_uris: ['http://127.0.0.1/admin/login/'],
  }],
  claims: { openid: ['sub', 'tenant_id', 'roles'], email: ['email', 'email_verified'], profile: ['name'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['for-tests-only'] },
  pkce: { required: () => true },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, ...JSON.parse(readFileSync(people, 'utf8'))[id] }),
  }),
});
// The tested server's port is not known yet; its paths are.
const at = (path) => (uri) => new URL(uri).hostname === '127.0.0.1' && new URL(uri).pathname === path;
provider.Client.prototype.redirectUriAllowed = at('/oidc/callback/');
provider.Client.prototype.postLogoutRedirectUriAllowed = at('/admin/login/');
provider.listen(Number(port), '127.0.0.1');
