"""What campaigns need for their messages.

Customers of before proofs were kept whose flags say yes get a proof that says so: said when they came, with the source
"before proofs were kept". Where a statement stands already, nothing changes. Going back removes those proofs, and the
suppressions whose address was erased: the form of before tells them apart by their address alone, and would take no two.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from tenants import roles

# As every writer of customers does: nobody turns a flag over meanwhile. First in the migration, before other locks.
TURN = "SELECT pg_advisory_xact_lock(hashtext('customers'), hashtext(current_schema()))"
SOURCE = "before proofs were kept"
SEED = """
INSERT INTO campaigns_consent (customer_id, channel, is_granted, said_at, source)
SELECT c.id, '{channel}', true, c.created_at, '{source}'
  FROM campaigns_customer c
 WHERE c.consent_{channel}
   AND NOT EXISTS (
    SELECT FROM campaigns_consent k
     WHERE k.customer_id = c.id AND k.channel = '{channel}' AND k.topic = '' AND k.is_current)
"""


def make_reader(apps, schema_editor):
    roles.make_reader(schema_editor.connection.schema_name)


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0003_audience'),
    ]

    operations = [
        migrations.RunSQL(TURN, migrations.RunSQL.noop),
        *(
            migrations.RunSQL(SEED.format(channel=channel, source=SOURCE), migrations.RunSQL.noop)
            for channel in ('email', 'sms', 'push')
        ),
        migrations.RunSQL(migrations.RunSQL.noop, f"DELETE FROM campaigns_consent WHERE source = '{SOURCE}'"),
        migrations.RunSQL(migrations.RunSQL.noop, "DELETE FROM campaigns_suppression WHERE address = ''"),
        migrations.AddField(
            model_name='template',
            name='base',
            field=models.SlugField(blank=True, db_default='', default='', max_length=63),
        ),
        migrations.AddField(
            model_name='template',
            name='blocks',
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name='template',
            name='from_email',
            field=models.EmailField(blank=True, db_default='', default='', max_length=254),
        ),
        migrations.AddField(
            model_name='template',
            name='from_name',
            field=models.CharField(blank=True, db_default='', default='', max_length=100),
        ),
        migrations.AddField(
            model_name='template',
            name='payload',
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name='template',
            name='reply_to',
            field=models.EmailField(blank=True, db_default='', default='', max_length=254),
        ),
        migrations.AddField(
            model_name='template',
            name='draft_number',
            field=models.PositiveIntegerField(db_default=1, default=1, editable=False),
        ),
        migrations.AddField(
            model_name='template',
            name='slots',
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name='template',
            name='source_format',
            field=models.CharField(choices=[('html', 'HTML'), ('mjml', 'MJML')], db_default='html', default='html', max_length=10),
        ),
        migrations.AddField(
            model_name='template',
            name='translations',
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name='templateversion',
            name='compiled',
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name='templateversion',
            name='document',
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AlterField(
            model_name='template',
            name='html',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.CreateModel(
            name='Edition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content_hash', models.CharField(max_length=64, unique=True)),
                ('base_version', models.BigIntegerField()),
                ('group_version', models.BigIntegerField(blank=True, null=True)),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='editions', to='campaigns.templateversion')),
            ],
        ),
        migrations.AddField(
            model_name='brand',
            name='banned_words',
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.AddField(
            model_name='brand',
            name='disclaimers',
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.AddField(
            model_name='brand',
            name='emoji',
            field=models.CharField(choices=[('any', 'As many as you like'), ('one', 'At most one, in the subject'), ('none', 'None')], db_default='any', default='any', max_length=4),
        ),
        migrations.AddField(
            model_name='brand',
            name='exclamation_marks',
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name='brand',
            name='avoided_phrases',
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.CreateModel(
            name='SeedList',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.SlugField(max_length=63, unique=True)),
                ('name', models.CharField(max_length=200)),
                ('addresses', models.JSONField(default=list)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.AddField(
            model_name='brand',
            name='texting',
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.CreateModel(
            name='Device',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.TextField()),
                ('address_hash', models.BinaryField(max_length=32)),
                ('seen_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='devices', to='campaigns.customer')),
            ],
            options={
                'indexes': [models.Index(fields=['customer', '-seen_at'], name='device_of_customer')],
                'constraints': [models.UniqueConstraint(fields=('address_hash',), name='device_once')],
            },
        ),
        migrations.CreateModel(
            name='Popularity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('run', models.BigIntegerField(db_default=0, default=0)),
                ('category', models.CharField(blank=True, db_default='', max_length=100)),
                ('orders', models.IntegerField()),
                ('place', models.IntegerField()),
                ('place_in_category', models.IntegerField()),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='campaigns.product')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'run', 'product'), name='popular_once')],
            },
        ),
        migrations.CreateModel(
            name='PopularityCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('run', models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'run'), name='popularity_counted_once')],
            },
        ),
        migrations.RunPython(make_reader, migrations.RunPython.noop),  # it may read whom devices belong to
        # Last, because writers wait for them until the end: about a second for a million customers or events.
        migrations.RemoveIndex(
            model_name='event',
            name='event_of_customer',
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['customer'], name='event_of_customer'),
        ),
        migrations.RemoveConstraint(
            model_name='customer',
            name='customer_once',
        ),
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.UniqueConstraint(fields=('external_id',), include=('id',), name='customer_once'),
        ),
    ]
