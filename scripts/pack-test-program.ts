// The program that `npm run pack-test` compiles and bundles in an empty project: it must use all four packages.
import * as autograd from '@latent/autograd';
import * as nn from '@latent/nn';
import * as tensor from '@latent/tensor';
import * as vae from '@latent/vae';

console.log([tensor, autograd, nn, vae].every((module) => typeof module === 'object') ? 'ok' : 'a package is missing');
